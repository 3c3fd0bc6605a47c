import type { Json } from "@pagoda/sdk"
import type { PluginRecord } from "./record.ts"

/** Tells which plugins became something else since it was called last; the first time only looks. */
export function createStateChanges(tell: (change: Json) => void) {
  let before: ReadonlyMap<string, string> | undefined
  return (records: readonly PluginRecord[]): void => {
    const now = new Map(records.map(({ id, state, version, error }) => [id, `${state} ${version} ${error?.at}`]))
    const known = before
    before = now
    if (!known) return
    for (const { id, state, version, reason, error } of records) {
      if (known.get(id) === now.get(id)) continue
      tell({ id, state, version, ...(reason !== undefined && { reason }), ...(error && { error: { ...error } }) })
    }
    for (const id of known.keys()) if (!now.has(id)) tell({ id, state: "removed" })
  }
}
