import { PagodaError } from "../../errors.ts"
import type { FetchContext, FetchedPackage } from "../fetch.ts"
import { hasSri, toSri } from "../integrity.ts"
import type { LockedPlugin } from "../lockfile.ts"
import { type Budget, withBudget } from "./budget.ts"
import { parseBunLock, toName } from "./bun-lock.ts"
import type { NpmClient, PackageView } from "./client.ts"
import { mapBounded } from "./map-bounded.ts"
import { findCredentials } from "./registry.ts"
import { readStored } from "./stored.ts"
import { checkTrust, writeTrust } from "./trust.ts"

/** The npm packages of a plugin by `name@version`, and where each that is not simply at its name lies. */
export type Packages = {
  readonly packages: ReadonlyMap<string, FetchedPackage>
  readonly layout: Readonly<Record<string, string>>
}

export const noPackages: Packages = { packages: new Map(), layout: {} }

const atOnce = 8

/** Finds what ranges mean today, with everything that those packages need, and fetches it. */
export async function resolvePackages(
  wanted: Readonly<Record<string, string>>,
  context: FetchContext,
  given?: Budget,
): Promise<Packages> {
  if (Object.keys(wanted).length === 0) return noPackages
  checkWanted(wanted)
  const subject = Object.entries(wanted).map(([name, range]) => `${name}@${range}`)
  if (context.offline)
    throw new PagodaError("OFFLINE", `Cannot find the packages "${subject.join('", "')}": the network is not allowed`)
  const run = async (budget: Budget) => {
    const { withClient } = await import("./client.ts")
    return withClient(context, budget, async (client) => {
      context.progress({ subject: budget.subject, step: "resolving packages" })
      const { packages, layout } = await parseBunLock(await client.lock(wanted))
      const fetched = await mapBounded([...packages], atOnce, async ([spec, integrity]) => {
        const found = await takeStored(spec, integrity, context)
        return [spec, found ?? (await takeFromRegistry(spec, client, budget, context, integrity))] as const
      })
      return { packages: new Map(fetched), layout }
    })
  }
  return withBudget(subject.join(", "), run, { given })
}

/** Takes exactly the locked packages, from the store or else from the registry. Their hashes are not compared yet. */
export async function fetchPackages(
  locked: Pick<LockedPlugin, "dependencies" | "layout">,
  context: FetchContext,
  given?: Budget,
): Promise<Packages> {
  const dependencies = Object.entries(locked.dependencies ?? {})
  const found = new Map<string, FetchedPackage>()
  for (const [spec, integrity] of dependencies) {
    const files = await readStored(spec, integrity, context)
    if (files) found.set(spec, { integrity, files })
  }
  const missing = dependencies.map(([spec]) => spec).filter((spec) => !found.has(spec))
  if (missing.length > 0) {
    const run = async (budget: Budget) => {
      const { withClient } = await import("./client.ts")
      return withClient(context, budget, (client) =>
        mapBounded(missing, atOnce, async (spec) => {
          found.set(spec, await takeLocked(spec, locked.dependencies?.[spec], client, budget, context))
        }),
      )
    }
    await withBudget(missing.join(", "), run, { given })
  }
  return { packages: found, layout: locked.layout ?? {} }
}

/** The tarballs of locked packages as they are, for who keeps them. @throws INTEGRITY_MISMATCH */
export async function downloadTarballs(
  wanted: ReadonlyMap<string, string>,
  context: FetchContext,
  take: (spec: string, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const subject = [...wanted.keys()].join(", ")
  if (context.offline)
    throw new PagodaError("OFFLINE", `Cannot fetch the tarballs of "${subject}": the network is not allowed`)
  await withBudget(subject, async (budget) => {
    const { withClient } = await import("./client.ts")
    await withClient(context, budget, (client) =>
      mapBounded([...wanted], atOnce, async ([spec, integrity]) => {
        const bytes = await downloadTarball(spec, await client.view(spec), client, budget, context)
        const actual = toSri(bytes)
        if (actual === integrity) return take(spec, bytes)
        const message = `integrity of the tarball of "${spec}" is "${actual}", lockfile says "${integrity}"`
        throw new PagodaError("INTEGRITY_MISMATCH", message)
      }),
    )
  })
}

/** Install path below `node_modules` → package. */
export function placePackages({ packages, layout }: Packages): Map<string, FetchedPackage> {
  const placed = new Set(Object.values(layout).map(toName))
  const simple = [...packages].filter(([spec]) => !placed.has(toName(spec)))
  return new Map([
    ...simple.map(([spec, found]) => [toName(spec), found] as const),
    ...Object.entries(layout).flatMap(([path, spec]) => {
      const found = packages.get(spec)
      return found ? [[path, found] as const] : []
    }),
  ])
}

/** What is locked, or where the registry has other bytes, their hash and no files: `verifySource` refuses it by name. */
export async function takeLocked(
  spec: string,
  integrity: string | undefined,
  client: NpmClient,
  budget: Budget,
  context: FetchContext,
): Promise<FetchedPackage> {
  const bytes = await downloadTarball(spec, await client.view(spec), client, budget, context)
  const actual = toSri(bytes)
  if (integrity !== undefined && actual !== integrity) return { integrity: actual, files: new Map() }
  return keep(spec, bytes, actual, context, budget)
}

/** What the registry has, as long as it is what the registry says that it has. */
export async function takeFromRegistry(
  spec: string,
  client: NpmClient,
  budget: Budget,
  context: FetchContext,
  integrity?: string,
): Promise<FetchedPackage> {
  const view = await client.view(spec)
  const said = integrity || view.integrity
  const bytes = await downloadTarball(spec, view, client, budget, context)
  const actual = toSri(bytes)
  // what the registry signs is what its view says
  for (const sri of new Set([said, view.integrity])) {
    if (hasSri(bytes, sri)) continue
    const message = `Cannot take "${spec}": integrity of its tarball is "${actual}", the registry says "${sri}"`
    throw new PagodaError("INTEGRITY_MISMATCH", message)
  }
  const trust = await checkTrust(view, actual, client, budget)
  await writeTrust(actual, trust, context.store)
  return keep(spec, bytes, actual, context, budget)
}

async function takeStored(spec: string, integrity: string, context: FetchContext): Promise<FetchedPackage | undefined> {
  if (!integrity.startsWith("sha512-")) return undefined
  const files = await readStored(spec, integrity, context)
  return files && { integrity, files }
}

async function downloadTarball(
  spec: string,
  view: PackageView,
  client: NpmClient,
  budget: Budget,
  context: FetchContext,
): Promise<Uint8Array> {
  const { download } = await import("./download.ts")
  return download(view.tarball, {
    budget,
    authorities: client.authorities,
    authorize: (url) => findCredentials(url, client.credentials),
    onBytes: (received, total) => context.progress({ subject: spec, step: "fetching", received, total }),
  })
}

async function keep(
  spec: string,
  bytes: Uint8Array,
  integrity: string,
  context: FetchContext,
  budget: Budget,
): Promise<FetchedPackage> {
  context.progress({ subject: spec, step: "unpacking" })
  const { unpackTarball } = await import("./tarball.ts")
  const files = await unpackTarball(bytes, spec, budget.unpack)
  await context.store.writeTree(integrity, files)
  return { integrity, files }
}

/** What a foreign `package.json` asks for goes to the client only as names, ranges and tags: no folder, no repository. */
function checkWanted(wanted: Readonly<Record<string, string>>): void {
  for (const [name, range] of Object.entries(wanted)) {
    if (!/^(?:@[a-z0-9~][\w.~-]*\/)?[a-z0-9~_][\w.~-]*$/i.test(name))
      throw new PagodaError("SOURCE_REFUSED", `Cannot take the package "${name}": this is no package name`)
    if (/[:/\\]/.test(range.replace(/^npm:(?:@[^@/]+\/)?[^@/:]+(?:@|$)/, "")))
      throw new PagodaError(
        "SOURCE_REFUSED",
        `Cannot take the package "${name}": "${range}" is not from a registry, wanted a range`,
      )
  }
}
