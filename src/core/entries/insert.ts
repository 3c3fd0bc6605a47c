import { sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import { together } from "./together.ts"
import { insertValues, selectValues, type ValueRow, valueColumns } from "./values.ts"

/** All the rows of a new entry. */
export type NewEntry = {
  readonly row: Tables["entry"]["$inferInsert"]
  readonly values: readonly ValueRow[]
  readonly history: Omit<Tables["entry_history"]["$inferInsert"], "entry_id">
}

type InsertEntry = (handle: Transaction, database: Database, made: NewEntry) => Promise<number>

/** Gives the entry's id. */
export const insertEntry: { [Dialect in Database["dialect"]]: InsertEntry } = {
  async sqlite(handle, database, { row, values, history }) {
    const { entry, entry_history } = database.tables
    const [made] = await handle.insert(entry).values(row).returning({ id: entry.id })
    const { id } = made as { id: number }
    await together(
      insertValues(handle, database, id, values),
      handle.insert(entry_history).values({ ...history, entry_id: id }),
    )
    return id
  },

  /** One statement: three would each be a way to the server and back. */
  async postgres(handle, { tables }, { row, values, history }) {
    const { entry, entry_value, entry_history: table } = tables
    const made = handle.insert(entry).values(row).returning({ id: entry.id })
    const columns = Object.keys(history) as (keyof typeof history)[]
    const names = sql.join(
      columns.map((name) => sql.identifier(table[name].name)),
      sql`, `,
    )
    const fields = columns.map((name) => {
      const column = table[name]
      return sql`${sql.param(history[name], column)}::${sql.raw(column.getSQLType())}`
    })
    const rows = await handle.execute<{ id: string }>(sql`with made as ${made},
      listed as (insert into ${entry_value} (entry_id, ${valueColumns}) ${selectValues.postgres(sql`made.id`, values, sql`made,`)}),
      told as (insert into ${table} (entry_id, ${names}) select made.id, ${sql.join(fields, sql`, `)} from made)
      select id from made`)
    return Number(rows[0]?.id)
  },
}
