import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PagodaError } from "../../errors.ts"
import { findEntry } from "../entry.ts"
import type { FetchContext, FetchedSource } from "../fetch.ts"
import type { LockedPlugin } from "../lockfile.ts"
import type { GitRequest, GitSource } from "../source/git.ts"
import { toSourceText } from "../source.ts"
import { type FileTree, treeIntegrity } from "../tree.ts"
import { type Budget, withBudget } from "./budget.ts"
import { GitFailure, type GitOptions, runGit } from "./git-program.ts"
import { readGitTree } from "./git-tree.ts"
import { fetchPackages, type Packages, resolvePackages } from "./packages.ts"
import { readStored } from "./stored.ts"
import { wantedDependencies } from "./wanted.ts"

/** A branch, a tag or nothing becomes the commit that the repository has for it today. */
export async function resolveGit(request: GitRequest, context: FetchContext): Promise<FetchedSource> {
  const { url, path, ref } = request
  const subject = `git+${url}#${ref}`
  if (context.offline) throw new PagodaError("OFFLINE", `Cannot find "${subject}": the network is not allowed`)
  return withBudget(subject, async (budget) => {
    context.progress({ subject, step: "resolving" })
    const source: GitSource = { kind: "git", url, commit: await findCommit(request, subject, budget), path }
    const files = await fetchTree(source, context, budget)
    return toFetched(source, files, await resolvePackages(wantedDependencies(files), context, budget))
  })
}

export async function fetchGit(source: GitSource, locked: LockedPlugin, context: FetchContext): Promise<FetchedSource> {
  const subject = toSourceText(source)
  return withBudget(subject, async (budget) => {
    const files = (await readStored(subject, locked.integrity, context)) ?? (await fetchTree(source, context, budget))
    // nothing is locked yet: what its own package.json asks for
    if (locked.integrity === undefined && locked.dependencies === undefined)
      return toFetched(source, files, await resolvePackages(wantedDependencies(files), context, budget))
    return toFetched(source, files, await fetchPackages(locked, context, budget))
  })
}

function toFetched(source: GitSource, files: FileTree, packages: Packages): FetchedSource {
  const entry = findEntry(files, toSourceText(source))
  return { source, integrity: treeIntegrity(files), files, entry, ...packages, modules: new Map() }
}

/** The commit that a branch, a tag or `HEAD` is now. */
export async function findCommit({ url, ref }: GitRequest, subject: string, budget: Budget): Promise<string> {
  if (/^[0-9a-f]{40}$/.test(ref)) return ref
  const names = ref === "HEAD" || ref.startsWith("refs/") ? [ref] : [`refs/tags/${ref}`, `refs/heads/${ref}`]
  const patterns = names.flatMap((name) => [name, `${name}^{}`])
  const output = await asking(subject, () =>
    runGit(["ls-remote", "--", url, ...patterns], { budget, protocol: toProtocol(url) }),
  )
  const lines = new TextDecoder().decode(output).trim().split("\n")
  const commits = new Map(lines.map((line) => line.split("\t").reverse() as [name: string, commit: string]))
  // an annotated tag is an object of its own; with "^{}" it is the commit it names
  const commit = names
    .map((name) => commits.get(`${name}^{}`) ?? commits.get(name))
    .find((found) => found !== undefined)
  if (commit?.length === 64)
    throw new PagodaError(
      "SOURCE_REFUSED",
      `Cannot fetch "${subject}": it is a SHA-256 repository, which is not supported`,
    )
  if (commit) return commit
  const wanted =
    ref === "HEAD" ? "it has no commit yet" : `it has no branch or tag "${ref}", wanted one or a whole 40-hex commit`
  throw new PagodaError("SOURCE_NOT_FOUND", `Cannot fetch "${subject}": ${wanted}`)
}

async function fetchTree(source: GitSource, context: FetchContext, budget: Budget): Promise<FileTree> {
  const subject = toSourceText(source)
  const repository = await mkdtemp(join(tmpdir(), "pagoda-git-"))
  const options: GitOptions = { budget, protocol: toProtocol(source.url), repository }
  try {
    context.progress({ subject, step: "fetching" })
    await runGit(["init", "--bare", "--quiet", "--template=", "--object-format=sha1", repository], {
      budget,
      protocol: "file",
    })
    await fetchCommit(source, subject, options)
    context.progress({ subject, step: "unpacking" })
    const files = await readGitTree(source.commit, source.path, `Cannot take "${subject}"`, options)
    await context.store.writeTree(treeIntegrity(files), files)
    return files
  } finally {
    await rm(repository, { recursive: true, force: true })
  }
}

/** Not every server gives a commit by its hash: those are asked for all branches and tags. */
async function fetchCommit({ url, commit }: GitSource, subject: string, options: GitOptions): Promise<void> {
  const fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"]
  try {
    await runGit([...fetch, "--depth=1", "--", url, commit], options)
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error
    const all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
    await asking(subject, () => runGit([...fetch, "--", url, ...all], options))
  }
  await runGit(["cat-file", "-e", `${commit}^{commit}`], options).catch((cause: unknown) => {
    if (!(cause instanceof GitFailure)) throw cause
    throw new PagodaError("SOURCE_NOT_FOUND", `Cannot fetch "${subject}": the repository has no commit "${commit}"`, {
      cause,
    })
  })
}

async function asking<T>(subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof GitFailure)) throw cause
    throw new PagodaError("SOURCE_UNREACHABLE", `Cannot fetch "${subject}": git says "${cause.message}"`, { cause })
  }
}

function toProtocol(url: string): string {
  return new URL(url).protocol.slice(0, -1)
}
