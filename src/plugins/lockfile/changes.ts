import type { Json } from "@pagoda/sdk"
import type { LockedPlugin, Lockfile } from "../lockfile.ts"

/** What became of one plugin of the lockfile, as the audit tells it. */
export type LockfileChange = {
  action: "add" | "update" | "remove"
  id: string
  changes: { before: Json; after: Json }
}

export function findChanges(before: Lockfile["plugins"], after: Lockfile["plugins"]): LockfileChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((id): LockfileChange[] => {
    const [old, next] = [before[id], after[id]]
    if (Bun.deepEquals(old, next)) return []
    const action = old === undefined ? "add" : next === undefined ? "remove" : "update"
    return [{ action, id, changes: { before: toTold(old), after: toTold(next) } }]
  })
}

/** What it is and what it may do, without the hashes of all that it is made of. */
function toTold(locked: LockedPlugin | undefined): Json {
  if (!locked) return null
  const { source, version = null, integrity = null, permissions = [], isolation = "in-process" } = locked
  return { source, version, integrity, permissions, isolation }
}

/** Is there while a command edits the lockfile, until it has also written down what it changed. */
export function toEditMark(file: string): string {
  return `${file}.editing`
}
