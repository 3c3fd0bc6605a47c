import { toPagodaError } from "../errors.ts"
import type { FetchedSource } from "./fetch.ts"
import type { LockedPlugin } from "./lockfile.ts"
import { parseSource } from "./source.ts"
import type { Store } from "./store.ts"
import type { FileTree } from "./tree.ts"

export type Change = "added" | "removed" | "changed"
export type FileChange = { path: string; change: Change; from_bytes: number | null; to_bytes: number | null }
export type PackageChange = { package: string; change: Change }

/** What an update changes. `files` is `null` where the old ones are not on this machine. */
export type Difference = { files: FileChange[] | null; packages: PackageChange[] }

export async function findDifference(locked: LockedPlugin, fetched: FetchedSource, store: Store): Promise<Difference> {
  const before = await readLockedFiles(locked, store)
  const hashes = Object.fromEntries([...fetched.packages].map(([spec, { integrity }]) => [spec, integrity]))
  return {
    files: before ? compareFiles(before, fetched.files) : null,
    packages: comparePackages(locked.dependencies ?? {}, hashes),
  }
}

function compareFiles(before: FileTree, after: FileTree): FileChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort()
  return paths.flatMap((path) => {
    const [from, to] = [before.get(path), after.get(path)]
    if (from && to && Buffer.compare(from, to) === 0) return []
    const change = !from ? "added" : !to ? "removed" : "changed"
    return [{ path, change, from_bytes: from?.length ?? null, to_bytes: to?.length ?? null }]
  })
}

function comparePackages(before: Record<string, string>, after: Record<string, string>): PackageChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((spec) => {
    const [from, to] = [before[spec], after[spec]]
    if (from === to) return []
    return [{ package: spec, change: from === undefined ? "added" : to === undefined ? "removed" : "changed" }]
  })
}

/** A folder is read where it is, and the store never gives it to a host: what it was is kept for the next comparison. */
export async function rememberFiles(fetched: FetchedSource, store: Store): Promise<void> {
  if (fetched.source.kind === "file") await store.writeTree(fetched.integrity, fetched.files)
}

/** What was kept of a folder that is locked no longer. */
export async function forgetFiles(locked: LockedPlugin, store: Store): Promise<void> {
  if (locked.integrity && locked.source.startsWith("file:")) await store.removeTree(locked.integrity)
}

/** The files that the lockfile means, as the store has them; nothing where it lacks one, or what it has is damaged. */
async function readLockedFiles(locked: LockedPlugin, store: Store): Promise<FileTree | undefined> {
  const source = parseSource(locked.source)
  if (locked.integrity === undefined) return undefined
  try {
    if (source.kind !== "url") return await store.readTree(locked.integrity)
    const files = new Map<string, Uint8Array>()
    for (const [url, integrity] of [[source.url, locked.integrity], ...Object.entries(locked.modules ?? {})] as const) {
      const [bytes] = [...((await store.readTree(integrity))?.values() ?? [])]
      if (!bytes) return undefined
      files.set(url, bytes)
    }
    return files
  } catch (error) {
    if (toPagodaError(error)?.code !== "STORE_DAMAGED") throw error
    return undefined
  }
}
