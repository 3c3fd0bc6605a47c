import { PagodaError } from "../errors.ts"
import { type GitRequest, type GitSource, parseGit, parseGitRequest } from "./source/git.ts"
import { type NpmRequest, type NpmSource, parseNpm, parseNpmRequest } from "./source/npm.ts"
import { isLoopback, readUrl } from "./source/url.ts"

export type UrlSource = { kind: "url"; url: string }
/** `path` as it was written: relative to the lockfile's folder, or absolute. */
export type FileSource = { kind: "file"; path: string }

/** Exactly one thing: never a range or a branch. */
export type Source = NpmSource | GitSource | UrlSource | FileSource

/** What `plugin add` takes: a source, or a range, tag or branch that becomes one. */
export type SourceRequest = NpmRequest | GitRequest | UrlSource | FileSource

/** @throws SOURCE_INVALID unless `text` names exactly one thing */
export function parseSource(text: string): Source {
  return orThrow(text, readSource(text))
}

/** @throws SOURCE_INVALID */
export function parseSourceRequest(text: string): SourceRequest {
  return orThrow(text, readSourceRequest(text))
}

/** Why `text` is no source: what was wanted instead. Nothing when it is one. */
export function findSourceProblem(text: string): string | undefined {
  const read = readSource(text)
  return typeof read === "string" ? read : undefined
}

export function toSourceText(source: Source): string {
  switch (source.kind) {
    case "npm":
      return `npm:${source.name}@${source.version}`
    case "git":
      return `git+${source.url}#${source.commit}${source.path && `&path:${source.path}`}`
    case "url":
      return source.url
    case "file":
      return `file:${source.path}`
  }
}

const forms =
  '"npm:<name>@<version>", "git+https://<host>/<repository>#<commit>", "https://<host>/<module>.ts" or "file:<folder>"'

function readSource(text: string): Source | string {
  return readPlain(text) ?? (text.startsWith("npm:") ? parseNpm(text.slice(4)) : parseGit(text)) ?? toUnknown(text)
}

function readSourceRequest(text: string): SourceRequest | string {
  if (/^\.{0,2}\//.test(text) || text === "." || text === "..") return readPlain(`file:${text}`) ?? forms
  return (
    readPlain(text) ??
    (text.startsWith("npm:") ? parseNpmRequest(text.slice(4)) : parseGitRequest(text)) ??
    toUnknown(text)
  )
}

/** The two kinds that are exact by nature. */
function readPlain(text: string): UrlSource | FileSource | string | undefined {
  if (hasControl(text)) return "it has a control character in it"
  if (text.startsWith("file:")) return readFilePath(text.slice(5))
  if (/\s/.test(text) && !text.startsWith("npm:")) return "it has white space in it; in a URL, write it as %20"
  if (/^https?:/i.test(text)) return readModuleUrl(text)
}

function readModuleUrl(text: string): UrlSource | string {
  const url = readUrl(text, ["https:", "http:"])
  if (typeof url === "string") return url
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    return 'plain "http:" is for loopback only, wanted "https:"'
  if (url.hash) return `it has the fragment "${url.hash}", which no server ever sees: leave it out`
  if (url.pathname.endsWith(".git")) return `it looks like a git repository, wanted "git+${url.href}#<commit>"`
  return { kind: "url", url: url.href }
}

function readFilePath(path: string): FileSource | string {
  if (path === "") return 'it has no path, wanted "file:<folder>" or "file:<one .ts or .js file>"'
  if (path.startsWith("//")) return `a host has no place here, wanted "file:${path.replace(/^\/+/, "/")}"`
  if (path.includes("\\")) return 'it has a "\\" in it, wanted "/" between folders'
  return { kind: "file", path }
}

function toUnknown(text: string): string {
  if (text === "") return `it is empty, wanted ${forms}`
  const hosted = /^(github|gitlab|bitbucket):/.exec(text)
  if (hosted) return `"${hosted[1]}:" is no source, wanted "git+https://<host>/<owner>/<repository>.git"`
  if (/^[\w.-]+@[\w.-]+:/.test(text)) return `wanted "git+ssh://${text.replace(":", "/")}"`
  if (/^(?:ssh|git):\/\//.test(text)) return 'wanted "git+ssh://…" or "git+https://…"'
  if (/^(?:jsr|link|workspace|portal|data|blob):/.test(text))
    return `"${text.split(":")[0]}:" is no source, wanted ${forms}`
  if (/^@?[a-z0-9][\w./@^~-]*$/i.test(text)) return `it says no kind, wanted "npm:${text}" or "file:${text}"`
  return `wanted ${forms}`
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 32 || code === 127) return true
  }
  return false
}

function orThrow<T extends object>(text: string, read: T | string): T {
  if (typeof read !== "string") return read
  throw new PagodaError("SOURCE_INVALID", `Cannot read source ${quote(text)}: ${read}`)
}

/** A source may carry a password by mistake: what is printed does not. */
function quote(text: string): string {
  const safe = text.replace(/\/\/[^/@]*@/, "//…@")
  return JSON.stringify(safe.length > 300 ? `${safe.slice(0, 300)}…` : safe)
}
