import { PagodaError } from "../../errors.ts"
import type { FetchContext, FetchedSource } from "../fetch.ts"
import { toSri } from "../integrity.ts"
import type { LockedPlugin } from "../lockfile.ts"
import type { UrlSource } from "../source.ts"
import type { FileTree } from "../tree.ts"
import { type Budget, type BudgetOptions, withBudget } from "./budget.ts"
import { mapBounded } from "./map-bounded.ts"
import { fetchPackages, type Packages, resolvePackages } from "./packages.ts"
import { readStored } from "./stored.ts"

const atOnce = 8

/** The name of the one file in the store's tree of a module. */
const stored = "module"

/** The module and all that it imports, as the servers give them now. */
export async function resolveUrl(
  source: UrlSource,
  context: FetchContext,
  limits: BudgetOptions = {},
): Promise<FetchedSource> {
  if (context.offline) {
    throw new PagodaError("OFFLINE", `Cannot fetch "${source.url}": the network is not allowed`)
  }
  return withBudget(
    source.url,
    async (budget) => {
      const onModule = (url: string) => context.progress({ subject: source.url, step: `fetching ${url}` })
      // a start with a warm store needs neither parser nor network
      const { fetchGraph } = await import("./url-graph.ts")
      const { files, wanted } = await fetchGraph(source.url, budget, onModule)
      const packages = await resolvePackages(wanted, context, budget)
      for (const bytes of files.values()) await context.store.writeTree(toSri(bytes), new Map([[stored, bytes]]))
      return toFetched(source, files, packages)
    },
    limits,
  )
}

/** Exactly the locked modules: what they import needs no looking up, and nothing else is asked for. */
export async function fetchUrl(source: UrlSource, locked: LockedPlugin, context: FetchContext): Promise<FetchedSource> {
  if (locked.integrity === undefined && locked.modules === undefined) return resolveUrl(source, context)
  return withBudget(source.url, async (budget) => {
    const wanted = new Map([[source.url, locked.integrity], ...Object.entries(locked.modules ?? {})])
    const found = await mapBounded([...wanted], atOnce, async ([url, integrity]) => {
      return [url, await takeModule(url, integrity, source, context, budget)] as const
    })
    return toFetched(source, new Map(found), await fetchPackages(locked, context, budget))
  })
}

/** From the store, else from its server; other bytes than the locked ones are given as they are, and not kept. */
async function takeModule(
  url: string,
  integrity: string | undefined,
  source: UrlSource,
  context: FetchContext,
  budget: Budget,
): Promise<Uint8Array> {
  const kept = (await readStored(url, integrity, context))?.get(stored)
  if (kept) return kept
  context.progress({ subject: source.url, step: `fetching ${url}` })
  const { fetchModule } = await import("./url-module.ts")
  const { bytes } = await fetchModule(url, url, budget)
  if (integrity === undefined || toSri(bytes) === integrity) {
    await context.store.writeTree(toSri(bytes), new Map([[stored, bytes]]))
  }
  return bytes
}

function toFetched(source: UrlSource, files: FileTree, packages: Packages): FetchedSource {
  const entry = source.url
  const modules = [...files].filter(([url]) => url !== entry).map(([url, bytes]) => [url, toSri(bytes)] as const)
  return { source, integrity: toSri(files.get(entry) ?? ""), files, entry, ...packages, modules: new Map(modules) }
}
