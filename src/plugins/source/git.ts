import { isLoopback, readUrl } from "./url.ts"

/** `url` is `https://…`, `ssh://…` or `file://…`, without the `git+`. `path` is `/sub/dir`, or `""` for the whole tree. */
export type GitSource = { kind: "git"; url: string; commit: string; path: string }
/** `ref` is a commit, a branch, a tag, or `HEAD` where none was named. */
export type GitRequest = { kind: "git"; url: string; ref: string; path: string }

const protocols = ["https:", "ssh:", "file:", "http:"]
const form = '"git+https://<host>/<repository>#<40-hex commit>"'

/** `git+https://…#<commit>&path:/sub`, or why it is not that; nothing when it is no git source at all. */
export function parseGit(text: string): GitSource | string | undefined {
  const read = parseGitRequest(text)
  if (read === undefined || typeof read === "string") return read
  if (!text.includes("#")) return `it names no commit, wanted ${form}`
  if (/^[0-9a-f]{64}$/i.test(read.ref)) return "it names a commit of a SHA-256 repository, which is not supported"
  if (!/^[0-9a-f]{40}$/.test(read.ref)) return `"${read.ref}" is no commit, wanted its 40 hexadecimal digits`
  return { kind: "git", url: read.url, commit: read.ref, path: read.path }
}

/** The same with a branch, a tag or nothing (the default branch) in place of the commit. */
export function parseGitRequest(text: string): GitRequest | string | undefined {
  if (!text.startsWith("git+")) return
  const hash = text.indexOf("#")
  const address = text.slice(4, hash < 0 ? undefined : hash)
  if (/^ssh:\/\/[^/]*:(?!\d+\/)/.test(address)) return 'wanted "/" in place of ":" after the host'
  const url = readUrl(address, protocols)
  if (typeof url === "string") return url
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    return 'plain "git+http:" is for loopback only, wanted "git+https:"'
  if (url.pathname.length < 2) return `it names no repository, wanted ${form}`
  const [ref = "", ...rest] = hash < 0 ? ["HEAD"] : text.slice(hash + 1).split("&")
  const problem = findRefProblem(ref) ?? findPathProblem(rest)
  if (problem) return problem
  return { kind: "git", url: url.href, ref, path: rest[0]?.slice("path:".length) ?? "" }
}

function findRefProblem(ref: string): string | undefined {
  if (ref === "") return `it names no commit, branch or tag after the "#", wanted ${form}`
  if (ref.startsWith("semver:")) return `"${ref}" is a range, wanted a commit, branch or tag`
  if (/^[-/]|\.\.|[~^:?*[\\]|@\{|[/.]$/.test(ref)) return `"${ref}" is no name of a commit, branch or tag`
}

function findPathProblem(rest: string[]): string | undefined {
  const [first, second] = rest
  if (first === undefined) return
  if (second !== undefined) return `"&${second}" is one too many, wanted at most "&path:/sub/dir"`
  if (!first.startsWith("path:")) return `"&${first}" is unknown, wanted "&path:/sub/dir"`
  const path = first.slice("path:".length)
  if (path === "/") return '"&path:/" is the whole tree: leave it out'
  if (!path.startsWith("/")) return `the path "${path}" does not begin with "/", wanted "&path:/sub/dir"`
  const clean = path
    .slice(1)
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== "..")
  if (!clean || path.includes("\\")) return `the path "${path}" is not clean, wanted one such as "/sub/dir"`
}
