import type { Level } from "@pagoda/sdk"
import { eq, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import { lowest } from "../access/levels.ts"
import type { Viewer } from "../access/viewer.ts"
import { type Access, requireLevel } from "../access.ts"
import type { EntitySchema, Schemas } from "../entities/schemas.ts"
import type { EntryRow } from "./view.ts"

export type FoundEntry = { readonly row: EntryRow; readonly schema: EntitySchema }

/** The columns that are answered: `search` is long and for the database alone. */
export function entryColumns({ entry }: Database["tables"]) {
  const { id, name, attrs, is_public, default_permission, is_active, version } = entry
  const { created_by, created_at, updated_by, updated_at } = entry
  return {
    id,
    name,
    attrs,
    is_public,
    default_permission,
    is_active,
    version,
    created_by,
    created_at,
    updated_by,
    updated_at,
  }
}

/** Entries and entities by id, for whom they are there. */
export function createEntryReader(database: Database, access: Access, schemas: Schemas) {
  const { db, tables } = database
  const { entry, entity } = tables
  const byId = db
    .select({
      row: entryColumns(tables),
      entity: {
        id: entity.id,
        version: entity.version,
        is_public: entity.is_public,
        default_permission: entity.default_permission,
      },
    })
    .from(entry)
    .innerJoin(entity, eq(entity.id, entry.entity_id))
    .where(eq(entry.id, sql.placeholder("id")))
    .prepare("entry_by_id")

  return {
    /** Active or not. @throws NOT_FOUND, FORBIDDEN */
    async entry(viewer: Viewer, id: number, wanted: Level): Promise<FoundEntry> {
      const what = `entry "${id}"`
      const [found] = await byId.execute({ id })
      const schema = found && (await schemas.get(found.entity.id, found.entity.version))
      if (!schema) throw new PagodaError("NOT_FOUND", `There is no ${what}`)
      const ofEntity = await access.ownLevel(viewer, "entity", [found.entity])
      const ofEntry = await access.ownLevel(viewer, "entry", [found.row])
      const level = lowest(ofEntity.get(found.entity.id) ?? "nothing", ofEntry.get(id) ?? "nothing")
      requireLevel(level, wanted, what)
      return { row: found.row, schema }
    },

    /** An active one. @throws NOT_FOUND, FORBIDDEN */
    async entity(viewer: Viewer, idOrName: number | string, wanted: Level): Promise<EntitySchema> {
      const what = `entity ${JSON.stringify(String(idOrName))}`
      const schema = await schemas.find(idOrName)
      if (!schema?.entity.is_active) throw new PagodaError("NOT_FOUND", `There is no ${what}`)
      const levels = await access.ownLevel(viewer, "entity", [schema.entity])
      requireLevel(levels.get(schema.entity.id) ?? "nothing", wanted, what)
      return schema
    },
  }
}

export type EntryReader = ReturnType<typeof createEntryReader>
