import { createSchemas } from "../src/core/entities/schemas.ts"
import { toSearch, toStored, toValueRows } from "../src/core/entries/values.ts"
import type { DatabaseOptions } from "../src/db/database.ts"
import { openDatabase } from "../src/db/database.ts"
import { entityCount, toAttrs, toName } from "./data-rows.ts"

const rowsAStatement = 2_000
const written = {
  created_by: "bench",
  created_at: "2026-01-01T00:00:00.000Z",
  updated_by: "bench",
  updated_at: "2026-01-01T00:00:00.000Z",
}

/** Entries as the host writes them, put into its tables directly: `from` to before `to`, around the entities. */
export async function seedEntries(options: DatabaseOptions, entityIds: number[], from: number, to: number) {
  const database = await openDatabase(options)
  const { tables } = database
  const schemas = createSchemas(database)
  const known = await Promise.all(entityIds.map((id) => schemas.find(id)))
  for (let start = from; start < to; start += rowsAStatement) {
    await database.transaction(async (handle) => {
      const wanted = Array.from({ length: Math.min(rowsAStatement, to - start) }, (_, index) => {
        const number = start + index
        const schema = known[number % entityCount]
        if (!schema) throw new Error("An entity of the bench is missing")
        const name = toName(number)
        const attrs = toStored(schema, toAttrs(number))
        return {
          schema,
          row: { entity_id: schema.entity.id, name, attrs, search: toSearch(name, attrs, schema), ...written },
        }
      })
      const made = await handle
        .insert(tables.entry)
        .values(wanted.map(({ row }) => row))
        .returning({ id: tables.entry.id })
      const values = wanted.flatMap(({ schema, row }, index) =>
        toValueRows(row.attrs, schema.attributes).map((value) => ({ ...value, entry_id: made[index]?.id ?? 0 })),
      )
      for (let at = 0; at < values.length; at += 4_000) {
        await handle.insert(tables.entry_value).values(values.slice(at, at + 4_000))
      }
    })
  }
  await database.close()
}
