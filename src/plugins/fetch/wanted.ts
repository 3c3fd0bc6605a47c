import { PagodaError } from "../../errors.ts"
import type { FetchedSource } from "../fetch.ts"
import type { FileTree } from "../tree.ts"

/** Given by the host, never fetched. */
export const hostPackages = ["@pagoda/sdk", "elysia", "@sinclair/typebox", "drizzle-orm"] as const

/** The `dependencies` of a tree's `package.json`, name → range, without what the host gives. */
export function wantedDependencies(files: FileTree): Record<string, string> {
  const dependencies = readPackageJson(files).dependencies
  if (dependencies === undefined) return {}
  if (!isRecord(dependencies) || !Object.values(dependencies).every((range) => typeof range === "string"))
    throw new PagodaError("SOURCE_REFUSED", 'Cannot read "package.json": "dependencies" must map names to ranges')
  const wanted = Object.entries(dependencies as Record<string, string>)
  return Object.fromEntries(wanted.filter(([name]) => !(hostPackages as readonly string[]).includes(name)))
}

/** The names of the packages that a fetched tree cannot do without. */
export function wantedPackages(fetched: FetchedSource): string[] {
  return fetched.source.kind === "url" ? [] : Object.keys(wantedDependencies(fetched.files))
}

/** Empty where there is none. */
export function readPackageJson(files: FileTree): Record<string, unknown> {
  const bytes = files.get("package.json")
  if (!bytes) return {}
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (isRecord(found)) return found
  } catch (error) {
    throw new PagodaError("SOURCE_REFUSED", 'Cannot read "package.json": it is not valid JSON', { cause: error })
  }
  throw new PagodaError("SOURCE_REFUSED", 'Cannot read "package.json": it is no object')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
