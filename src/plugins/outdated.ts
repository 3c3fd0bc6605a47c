import { PagodaError, toMessage } from "../errors.ts"
import { withBudget } from "./fetch/budget.ts"
import { type FetchContext, fetchSource } from "./fetch.ts"
import type { LockedPlugin } from "./lockfile.ts"
import { parseSource, type Source } from "./source.ts"
import { isNewer } from "./versions.ts"

/** What is locked beside what is there now. */
export type Outdated = {
  id: string
  source: string
  /** What tells one state of the source from another: a version, a commit or an integrity. */
  locked: string
  latest: string | null
  /** `unknown`: what is there now could not be found out; `reason` says why. */
  state: "current" | "outdated" | "unknown"
  reason?: string
}

/** Looks only at the plugin itself: what its ranges mean today, `plugin update` finds out. */
export async function findOutdated(id: string, locked: LockedPlugin, context: FetchContext): Promise<Outdated> {
  const source = parseSource(locked.source)
  const about = { id, source: locked.source, locked: toState(source, locked) }
  try {
    const latest = await findLatest(source, locked.source, context)
    const isOutdated = source.kind === "npm" ? isNewer(latest, source.version) : latest !== about.locked
    return { ...about, latest, state: isOutdated ? "outdated" : "current" }
  } catch (error) {
    if (!(error instanceof PagodaError)) throw error
    return { ...about, latest: null, state: "unknown", reason: toMessage(error) }
  }
}

function toState(source: Source, locked: LockedPlugin): string {
  if (source.kind === "npm") return source.version
  if (source.kind === "git") return source.commit
  // of a graph of modules one hash has to speak for all
  return source.kind === "url" ? toGraphState(locked.integrity, locked.modules) : (locked.integrity ?? "none")
}

function toGraphState(integrity = "none", modules: Record<string, string> = {}): string {
  const further = Object.entries(modules).sort(([a], [b]) => (a < b ? -1 : 1))
  if (further.length === 0) return integrity
  return `sha512-${new Bun.CryptoHasher("sha512").update(JSON.stringify([integrity, further])).digest("base64")}`
}

async function findLatest(source: Source, name: string, context: FetchContext): Promise<string> {
  // without packages: those of what is there now would have to be looked up
  if (source.kind === "file")
    return (await fetchSource({ source: name, integrity: "", dependencies: {} }, context)).integrity
  if (context.offline) throw new PagodaError("OFFLINE", "the network is not allowed")
  switch (source.kind) {
    case "npm":
      return withBudget(`npm:${source.name}`, async (budget) => {
        const { withClient } = await import("./fetch/client.ts")
        return withClient(context, budget, async (client) => (await client.view(`${source.name}@latest`)).version)
      })
    case "git":
      return withBudget(`git+${source.url}`, async (budget) => {
        const { findCommit } = await import("./fetch/git.ts")
        return findCommit({ ...source, ref: "HEAD" }, `git+${source.url}`, budget)
      })
    case "url":
      return withBudget(source.url, async (budget) => {
        const { fetchGraph } = await import("./fetch/url-graph.ts")
        const { toSri } = await import("./integrity.ts")
        const { files } = await fetchGraph(source.url, budget, () => {})
        const hashes = Object.fromEntries([...files].map(([url, bytes]) => [url, toSri(bytes)]))
        const { [source.url]: own, ...modules } = hashes
        return toGraphState(own, modules)
      })
  }
}
