import { PagodaError } from "../../errors.ts"
import { hostPackages } from "./wanted.ts"

/** What a `bun.lock` says, without registries: `name@version` → the registry's integrity, and where each one lies. */
export type Resolution = {
  readonly packages: ReadonlyMap<string, string>
  /** Install path below `node_modules` → `name@version`, for each package that is not in one place, its name. */
  readonly layout: Readonly<Record<string, string>>
}

export async function parseBunLock(text: string): Promise<Resolution> {
  const { parse } = await import("jsonc-parser")
  const lock = parse(text, [], { allowTrailingComma: true }) as { packages?: Record<string, unknown[]> } | undefined
  const packages = new Map<string, string>()
  const places = new Map<string, string[]>()
  for (const [key, entry] of Object.entries(lock?.packages ?? {})) {
    const [spec, integrity, bundled] = [String(entry[0]), entry.at(-1), isBundled(entry)]
    if (bundled || (hostPackages as readonly string[]).includes(toName(spec))) continue
    if (!/@\d[^:/]*$/.test(spec) || typeof integrity !== "string")
      throw new PagodaError(
        "SOURCE_REFUSED",
        `Cannot take the package "${spec}": it is not from a registry, wanted a version of one`,
      )
    packages.set(spec, integrity)
    places.set(spec, [...(places.get(spec) ?? []), toInstallPath(key)])
  }
  return { packages, layout: toLayout(places) }
}

/** Lies inside the tarball of the package that needs it. */
function isBundled(entry: unknown[]): boolean {
  return entry.some((part) => typeof part === "object" && part !== null && "bundled" in part)
}

/** `debug/@a/b` is how the client writes `debug/node_modules/@a/b`. */
function toInstallPath(key: string): string {
  return (key.match(/@[^/]+\/[^/]+|[^/]+/g) ?? []).join("/node_modules/")
}

function toLayout(places: ReadonlyMap<string, string[]>): Record<string, string> {
  const byName = Map.groupBy(places.keys(), toName)
  const crowded = [...byName].filter(([name, specs]) =>
    specs.some((spec) => places.get(spec)?.some((at) => at !== name)),
  )
  const pairs = crowded.flatMap(([, specs]) =>
    specs.flatMap((spec) => (places.get(spec) ?? []).map((at) => [at, spec] as const)),
  )
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** `@a/b` of `@a/b@1.0.0`. */
export function toName(spec: string): string {
  return spec.slice(0, spec.indexOf("@", 1))
}
