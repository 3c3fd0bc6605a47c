import { type Column, type SQL, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import { createStatement, placeFor } from "../../db/statement.ts"
import { heldEntity } from "./hold.ts"
import { selectValues, toJson, type ValueRow, valueColumns } from "./values.ts"

/** All the rows of a new entry, for an entity as it was at one version. */
export type NewEntry = {
  readonly entity: { readonly id: number; readonly version: number }
  readonly row: Omit<Tables["entry"]["$inferInsert"], "id" | "entity_id">
  readonly values: readonly ValueRow[]
  readonly history: Omit<Tables["entry_history"]["$inferInsert"], "id" | "entry_id">
}

/** Gives the entry's id; nothing where the entity is at another version. On Postgres it needs no transaction. */
export type InsertEntry = (made: NewEntry, handle?: Transaction | undefined) => Promise<number | undefined>

const rowColumns = [
  "name",
  "attrs",
  "search",
  "is_public",
  "default_permission",
  "is_active",
  "version",
  "created_by",
  "created_at",
  "updated_by",
  "updated_at",
] as const
const historyColumns = ["version", "action", "changes", "user_id", "username", "created_at"] as const

export function createEntryInsert(database: Database): InsertEntry {
  return database.dialect === "postgres" ? inOneStatement(database) : inThree(database)
}

/** Three would each be a way to the server and back, and with them a BEGIN and a COMMIT. */
function inOneStatement(database: Database): InsertEntry {
  const { entry, entry_value, entry_history } = database.tables
  const insert = createStatement(
    database,
    () => {
      const { entity_id, row, history } = toParts(database)
      const values = selectValues.postgres(sql`made.id`, sql.placeholder("values"), sql`made,`)
      return sql`with held as (select ${entity_id} from ${heldEntity(database)}),
        made as (insert into ${entry} (entity_id, ${row.names}) select held.id, ${row.places} from held returning id),
        listed as (insert into ${entry_value} (entry_id, ${valueColumns}) ${values}),
        told as (insert into ${entry_history} (entry_id, ${history.names}) select made.id, ${history.places} from made)
        select id from made`
    },
    { id: entry.id },
  )
  return async (made, handle) => (await insert(toPlaces(made), handle))[0]?.id
}

function inThree(database: Database): InsertEntry {
  const { entry, entry_value, entry_history } = database.tables
  const insertRow = createStatement(
    database,
    () => {
      const { entity_id, row } = toParts(database)
      return sql`insert into ${entry} (entity_id, ${row.names}) select ${entity_id}, ${row.places}
        from ${heldEntity(database)} returning id`
    },
    { id: entry.id },
  )
  const insertValues = createStatement(
    database,
    () => {
      const values = selectValues.sqlite(sql`${sql.placeholder("id")}`, sql.placeholder("values"))
      return sql`insert into ${entry_value} (entry_id, ${valueColumns}) ${values}`
    },
    {},
  )
  const insertHistory = createStatement(
    database,
    () => {
      const { history } = toParts(database)
      return sql`insert into ${entry_history} (entry_id, ${history.names}) values (${sql.placeholder("id")}, ${history.places})`
    },
    {},
  )
  return async (made, handle) => {
    const places = toPlaces(made)
    const [found] = await insertRow(places, handle)
    if (!found) return undefined
    const { id } = found
    if (made.values.length > 0) await insertValues({ ...places, id }, handle)
    await insertHistory({ ...places, id }, handle)
    return id
  }
}

function toParts(database: Database) {
  const { entity, entry, entry_history } = database.tables
  return {
    entity_id: entity.id,
    row: toColumns(database, entry, rowColumns),
    history: toColumns(database, entry_history, historyColumns),
  }
}

function toColumns<Name extends string>(
  database: Database,
  table: { [Key in Name]: Column },
  names: readonly Name[],
): { names: SQL; places: SQL } {
  const comma = sql`, `
  return {
    names: sql.join(
      names.map((name) => sql.identifier(table[name].name)),
      comma,
    ),
    places: sql.join(
      names.map((name) => placeFor(database, table[name], name)),
      comma,
    ),
  }
}

/** What two tables have by one name is the same in both. */
function toPlaces({ entity, row, values, history }: NewEntry) {
  return { entity_id: entity.id, entity_version: entity.version, values: toJson(values), ...row, ...history }
}
