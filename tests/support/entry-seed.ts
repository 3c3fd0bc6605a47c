import type { AttributeType, Json, Level, User } from "@pagoda/sdk"
import { createAccess } from "../../src/core/access.ts"
import { createSchemas } from "../../src/core/entities/schemas.ts"
import { insertValues, toSearch, toStored, toValueRows } from "../../src/core/entries/values.ts"
import { createEntryLists } from "../../src/core/entry-lists.ts"
import type { Database } from "../../src/db/database.ts"

export type SeedRule = { is_public?: boolean; default_permission?: Level }
export type SeedAttribute =
  | AttributeType
  | (SeedRule & { type: AttributeType; choices?: string[]; is_active?: boolean })
export type SeedEntry = SeedRule & {
  name: string
  attrs?: Record<string, Json>
  is_active?: boolean
  created_at?: string
}

export const admin = toTestUser("admin", { is_admin: true })

export function toTestUser(id: string, flags: Partial<User> = {}): User {
  return { id, username: id, email: null, is_admin: false, is_readonly: false, is_active: true, ...flags }
}

const written = (created_at = "2026-01-01T00:00:00.000Z") => ({
  created_by: admin.id,
  created_at,
  updated_by: admin.id,
  updated_at: created_at,
})

/** Lists over rows that are put into the tables directly. */
export function openSeed(database: Database) {
  const { db, tables } = database
  const access = createAccess(database)
  const schemas = createSchemas(database)

  return {
    lists: createEntryLists({ database, access, schemas }),

    async entity(name: string, attributes: Record<string, SeedAttribute>, rule: SeedRule = {}): Promise<number> {
      const rows = await db
        .insert(tables.entity)
        .values({ name, ...rule, ...written() })
        .returning()
      const id = rows[0]?.id as number
      const values = Object.entries(attributes).map(([attribute, definition], index) => ({
        entity_id: id,
        name: attribute,
        index,
        referral: [],
        choices: [],
        ...(typeof definition === "string" ? { type: definition } : definition),
      }))
      if (values.length > 0) await db.insert(tables.attribute).values(values)
      return id
    },

    /** The ids of the entries, in their order. */
    async entries(entityId: number, entries: readonly SeedEntry[]): Promise<number[]> {
      const schema = await schemas.find(entityId)
      if (!schema) throw new Error(`There is no entity ${entityId}`)
      return database.transaction(async (handle) => {
        const ids: number[] = []
        for (const { attrs: given = {}, created_at, ...entry } of entries) {
          const attrs = toStored(schema, given)
          const search = toSearch(entry.name, attrs, schema)
          const [row] = await handle
            .insert(tables.entry)
            .values({ entity_id: entityId, attrs, search, ...entry, ...written(created_at) })
            .returning({ id: tables.entry.id })
          ids.push(row?.id as number)
          await insertValues(handle, database, row?.id as number, toValueRows(attrs, schema.attributes))
        }
        return ids
      })
    },
  }
}
