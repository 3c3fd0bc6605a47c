import { PagodaError } from "../../errors.ts"
import { findEntry } from "../entry.ts"
import type { FetchContext, FetchedPackage, FetchedSource } from "../fetch.ts"
import type { LockedPlugin } from "../lockfile.ts"
import type { NpmRequest, NpmSource } from "../source/npm.ts"
import { toSourceText } from "../source.ts"
import { type Budget, withBudget } from "./budget.ts"
import { withClient } from "./client.ts"
import { fetchPackages, type Packages, resolvePackages, takeFromRegistry, takeLocked } from "./packages.ts"
import { readStored } from "./stored.ts"
import { wantedDependencies } from "./wanted.ts"

/** A range or a tag becomes the version that the registry has for it today. */
export async function resolveNpm(request: NpmRequest, context: FetchContext): Promise<FetchedSource> {
  const subject = `npm:${request.name}@${request.range}`
  if (context.offline) throw new PagodaError("OFFLINE", `Cannot find "${subject}": the network is not allowed`)
  return withBudget(subject, async (budget) => {
    context.progress({ subject, step: "resolving" })
    const [version, own] = await withClient(context, budget, async (client) => {
      const view = await client.view(`${request.name}@${request.range}`)
      return [view.version, await takeFromRegistry(`${request.name}@${view.version}`, client, budget, context)] as const
    })
    const packages = await resolvePackages(wantedDependencies(own.files), context, budget)
    return toFetched({ kind: "npm", name: request.name, version }, own, packages)
  })
}

export async function fetchNpm(source: NpmSource, locked: LockedPlugin, context: FetchContext): Promise<FetchedSource> {
  return withBudget(toSourceText(source), async (budget) => {
    const own = await fetchOwn(source, locked.integrity, context, budget)
    // nothing is locked yet: what its own package.json asks for
    if (locked.integrity === undefined && locked.dependencies === undefined)
      return toFetched(source, own, await resolvePackages(wantedDependencies(own.files), context, budget))
    return toFetched(source, own, await fetchPackages(locked, context, budget))
  })
}

async function fetchOwn(
  source: NpmSource,
  integrity: string | undefined,
  context: FetchContext,
  budget: Budget,
): Promise<FetchedPackage> {
  const files = await readStored(toSourceText(source), integrity, context)
  if (files && integrity !== undefined) return { integrity, files }
  const spec = `${source.name}@${source.version}`
  return withClient(context, budget, (client) => takeLocked(spec, integrity, client, budget, context))
}

/** Other bytes than the locked ones come without files: there is no entry to look for. */
function toFetched(source: NpmSource, own: FetchedPackage, packages: Packages): FetchedSource {
  const entry = own.files.size === 0 ? "" : findEntry(own.files, toSourceText(source))
  return { source, integrity: own.integrity, files: own.files, entry, ...packages, modules: new Map() }
}
