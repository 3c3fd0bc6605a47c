import { and, asc, eq, inArray, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import { toPlainText } from "../search/text.ts"
import { type NamePattern, toPattern } from "./patterns.ts"

export type EntityRow = Tables["entity"]["$inferSelect"]
export type AttributeRow = Tables["attribute"]["$inferSelect"]

/** An entity with its attributes, as it was at one version. Shared by all who ask: nobody changes it. */
export type EntitySchema = {
  readonly entity: Readonly<EntityRow>
  /** Active ones, in their order. */
  readonly attributes: readonly AttributeRow[]
  /** Active ones. */
  readonly byName: ReadonlyMap<string, AttributeRow>
  /** Removed ones too, for the history of what they held. */
  readonly byId: ReadonlyMap<number, AttributeRow>
  /** What names of entries have to fit; `undefined`: any name does. */
  readonly pattern: NamePattern | undefined
}

/**
 * What entities look like, kept in memory by id and version: a statement that joins `entity.version` sees what another
 * process changed. Whatever changes a row of `entity` or `attribute`, its access rule too, raises `entity.version`.
 */
export type Schemas = {
  /** Active or not. No statement where this version is in memory, else two at most. */
  get(id: number, version?: number): Promise<EntitySchema | undefined>
  /** By id, active or not, or by the name of an active one. One statement where its version is in memory, else two. */
  find(idOrName: number | string): Promise<EntitySchema | undefined>
  /** By id. No statement where all are in memory, else two at most. */
  many(wanted: readonly { id: number; version: number }[]): Promise<Map<number, EntitySchema>>
  /** In the order of the rows. No statement where all are in memory, else one. */
  of(rows: readonly EntityRow[]): Promise<EntitySchema[]>
}

/** More definitions than people work with at a time. */
const cacheLimit = 5_000

export function createSchemas({ db, tables: { entity, attribute } }: Database): Schemas {
  const cache = new Map<number, EntitySchema>()
  const byId = db
    .select()
    .from(entity)
    .where(eq(entity.id, sql.placeholder("id")))
    .prepare("entity_by_id")

  function cached(id: number, version: number): EntitySchema | undefined {
    const schema = cache.get(id)
    return schema?.entity.version === version ? schema : undefined
  }

  function keep(schema: EntitySchema): EntitySchema {
    cache.delete(schema.entity.id)
    cache.set(schema.entity.id, schema)
    const [oldest] = cache.keys()
    if (cache.size > cacheLimit && oldest !== undefined) cache.delete(oldest)
    return schema
  }

  /** The rows first: attributes that are newer than their row are filed under a version that nobody asks for again. */
  async function of(rows: readonly EntityRow[]): Promise<EntitySchema[]> {
    const missing = rows.filter(({ id, version }) => !cached(id, version)).map(({ id }) => id)
    const found =
      missing.length === 0
        ? []
        : await db
            .select()
            .from(attribute)
            .where(inArray(attribute.entity_id, missing))
            .orderBy(asc(attribute.index), asc(attribute.id))
    const attributes = Map.groupBy(found, ({ entity_id }) => entity_id)
    return Promise.all(
      rows.map(async (row) => cached(row.id, row.version) ?? keep(await toSchema(row, attributes.get(row.id) ?? []))),
    )
  }

  async function find(idOrName: number | string): Promise<EntitySchema | undefined> {
    // a database that cannot hold it throws at it
    if (typeof idOrName === "string" && toPlainText(idOrName) !== idOrName) return undefined
    const rows = await (typeof idOrName === "number"
      ? byId.execute({ id: idOrName })
      : db
          .select()
          .from(entity)
          .where(and(eq(entity.name, idOrName), eq(entity.is_active, true))))
    const [schema] = await of(rows)
    return schema
  }

  return {
    get: async (id, version) => (version === undefined ? undefined : cached(id, version)) ?? find(id),
    find,
    of,

    async many(wanted) {
      const known = wanted.flatMap(({ id, version }) => cached(id, version) ?? [])
      const ids = new Set(wanted.map(({ id }) => id)).difference(new Set(known.map((schema) => schema.entity.id)))
      const rows =
        ids.size === 0
          ? []
          : await db
              .select()
              .from(entity)
              .where(inArray(entity.id, [...ids]))
      return new Map([...known, ...(await of(rows))].map((schema) => [schema.entity.id, schema]))
    },
  }
}

async function toSchema(entity: EntityRow, all: AttributeRow[]): Promise<EntitySchema> {
  const attributes = all.filter(({ is_active }) => is_active)
  return {
    entity,
    attributes,
    byName: new Map(attributes.map((attribute) => [attribute.name, attribute])),
    byId: new Map(all.map((attribute) => [attribute.id, attribute])),
    pattern: await toPattern(entity.item_name_pattern),
  }
}
