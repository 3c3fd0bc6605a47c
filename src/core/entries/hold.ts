import { and, eq, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { isDeadlock } from "../../db/database-error.ts"
import { createStatement } from "../../db/statement.ts"
import { PagodaError } from "../../errors.ts"
import type { EntitySchema } from "../entities/schemas.ts"

/** The entity was changed after it was read: what was checked against it has to be checked again. */
export class EntityMoved extends Error {
  override name = "EntityMoved"
}

const tries = 5

/**
 * Does a write whose checks rest on a schema from its first read on, and again where the schema is another by the commit,
 * or where another write and this one waited for each other's names.
 */
export async function untilHeld<T>(work: () => Promise<T>): Promise<T> {
  for (let left = tries; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof EntityMoved) && !isDeadlock(error)) throw error
      if (left > 1) continue
      const problem = "others change it, or its entity, all the time; try again"
      throw new PagodaError("CONFLICT", `Cannot write the entry: ${problem}`, { cause: error })
    }
  }
}

/** Until the commit the entity stays at the version of the schema. @throws EntityMoved */
export type Hold = (handle: Transaction, schema: EntitySchema) => Promise<void>

export function createHold(database: Database): Hold {
  const { entity } = database.tables
  const find = createStatement(database, () => sql`select ${entity.id} from ${heldEntity(database)}`, { id: entity.id })
  return async (handle, { entity: { id, version } }) => {
    const found = await find({ entity_id: id, entity_version: version }, handle)
    if (found.length === 0) throw new EntityMoved()
  }
}

/**
 * The entity where it is at the version that was read, for a FROM at the end of a statement or of a part of it. Who
 * changes it waits until the commit, and who changed it is seen; on SQLite one writes at a time.
 */
export function heldEntity({ tables: { entity }, dialect }: Database) {
  const wanted = and(
    eq(entity.id, sql.placeholder("entity_id")),
    eq(entity.version, sql.placeholder("entity_version")),
    eq(entity.is_active, true),
  )
  return sql`${entity} where ${wanted} ${sql.raw(dialect === "postgres" ? "for share" : "")}`
}
