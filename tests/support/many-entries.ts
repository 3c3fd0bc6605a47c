import type { Database } from "../../src/db/database.ts"

const rowsAStatement = 1_000

/** Entries without values, put into their table directly. */
export async function addEntries({ tables, transaction }: Database, entityId: number, count: number): Promise<void> {
  const now = new Date().toISOString()
  const written = { created_by: "test", created_at: now, updated_by: "test", updated_at: now }
  await transaction(async (handle) => {
    for (let start = 0; start < count; start += rowsAStatement) {
      const rows = Array.from({ length: Math.min(rowsAStatement, count - start) }, (_, index) => ({
        ...{ entity_id: entityId, name: `entry ${start + index} of ${count}`, attrs: {} },
        ...written,
      }))
      await handle.insert(tables.entry).values(rows)
    }
  })
}
