import { PagodaError } from "../errors.ts"
import { toName } from "./fetch/bun-lock.ts"
import { wantedPackages } from "./fetch/wanted.ts"
import type { FetchedSource } from "./fetch.ts"
import type { LockedPlugin } from "./lockfile.ts"

declare const verified: unique symbol

/** A fetched source whose every byte is what the lockfile says. Only `verifySource` makes one; only this can be bundled. */
export type VerifiedSource = FetchedSource & { readonly [verified]: true }

export function verifySource(id: string, locked: LockedPlugin, fetched: FetchedSource): VerifiedSource {
  requireIntegrity(id, locked)
  const problems = differences(locked, fetched)
  const [first] = problems
  if (first)
    throw new PagodaError(
      first.code,
      `Cannot load plugin "${id}": ${problems.map(({ message }) => message).join("; ")}; ${
        first.code === "INTEGRITY_MISSING"
          ? 'run "pagoda lock" to fill it in'
          : `run "pagoda plugin update ${id}" if you mean to take the new one`
      }`,
      { plugin: id },
    )
  return fetched as VerifiedSource
}

/** Before anything is fetched: what the lockfile has no hash of cannot be loaded. */
export function requireIntegrity(id: string, locked: LockedPlugin): void {
  if (locked.integrity !== undefined) return
  throw new PagodaError(
    "INTEGRITY_MISSING",
    `Cannot load plugin "${id}": the lockfile has no integrity of "${locked.source}"; run "pagoda lock" to fill it in`,
    { plugin: id },
  )
}

/** For development folders only: takes whatever is there, without comparing it with any lockfile. */
export function trustUnverified(fetched: FetchedSource): VerifiedSource {
  return fetched as VerifiedSource
}

type Difference = { code: "INTEGRITY_MISMATCH" | "INTEGRITY_MISSING"; message: string }

function differences(locked: LockedPlugin, fetched: FetchedSource): Difference[] {
  const mismatch = (message: string): Difference => ({ code: "INTEGRITY_MISMATCH", message })
  if (fetched.integrity !== locked.integrity)
    return [mismatch(`integrity of "${locked.source}" is "${fetched.integrity}", lockfile says "${locked.integrity}"`)]

  const packages = new Map([...fetched.packages].map(([name, { integrity }]) => [name, integrity]))
  const missing = (message: string): Difference => ({ code: "INTEGRITY_MISSING", message })
  const lacking = wantedPackages(fetched).filter((name) => !hasPackage(name, packages, fetched.layout))
  return [
    ...lacking.map((name) => missing(`it depends on the package "${name}", the lockfile has no integrity of it`)),
    ...findUnplaced(fetched).map((specs) =>
      missing(`the lockfile has the packages "${specs.join('", "')}" and no "layout" that says where each lies`),
    ),
    ...compare("package", new Map(Object.entries(locked.dependencies ?? {})), packages).map(mismatch),
    ...compare("module", new Map(Object.entries(locked.modules ?? {})), fetched.modules).map(mismatch),
    ...compare("place", new Map(Object.entries(locked.layout ?? {})), new Map(Object.entries(fetched.layout))).map(
      mismatch,
    ),
  ]
}

/** Several versions of one package, of which one or more could be anywhere. */
function findUnplaced({ packages, layout }: FetchedSource): string[][] {
  const placed = new Set(Object.values(layout))
  const byName = Map.groupBy(packages.keys(), toName)
  return [...byName.values()].filter((specs) => specs.length > 1 && specs.some((spec) => !placed.has(spec)))
}

function hasPackage(
  name: string,
  packages: ReadonlyMap<string, string>,
  layout: Readonly<Record<string, string>>,
): boolean {
  return Object.hasOwn(layout, name) || [...packages.keys()].some((spec) => toName(spec) === name)
}

function compare(noun: string, locked: ReadonlyMap<string, string>, actual: ReadonlyMap<string, string>): string[] {
  const word = noun === "place" ? "package" : "integrity"
  return [...new Set([...locked.keys(), ...actual.keys()])].flatMap((key) => {
    const [is, said] = [actual.get(key), locked.get(key)]
    if (is === said) return []
    if (is === undefined) return [`${noun} "${key}" is not there, lockfile says "${said}"`]
    if (said === undefined) return [`${noun} "${key}" has the ${word} "${is}", lockfile does not name it`]
    return [`${word} of ${noun} "${key}" is "${is}", lockfile says "${said}"`]
  })
}
