import { type Column, type SQL, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { createStatements, toText } from "../../db/statement.ts"
import { entryColumns } from "../entries/reader.ts"
import type { EntryRow } from "../entries/view.ts"
import type { PageRequest } from "../entries.ts"
import { isAmong, type ValueCondition } from "./filter-conditions.ts"

/** What is listed, in the order of an attribute. */
export type Near = {
  /** The ids of all that are listed, as a subquery. */
  readonly listed: SQL
  readonly conditions: readonly ValueCondition[]
  readonly isShown: SQL
  /** Of the attribute that they are ordered by. */
  readonly hasValue: SQL
  readonly key: Column
  readonly isDescending: boolean
}

/**
 * Postgres cannot tell how many entries have a value. Where they are few, each is looked at. Where they are more, the first
 * ones in order are, one after the other until the page is full, for no longer than looking at each would take. What is
 * common is left to Postgres: that does not fit into its memory.
 */
const few = 200
const many = 20_000
/** How many values an index gives in order in the time that one takes to be looked up. */
const walks = 4
const isFew = sql.raw(`(select count < ${few} from counted)`)
const reach = sql.raw(
  `(select case when count between ${few} and ${many} then count * ${walks} else 0 end from counted)`,
)

/** Counts, and gives the page or as much of it as is near. Where indexes alone tell, there is one way whatever the values are. */
export function createNearPages(database: Database) {
  const { entry, entry_value: value } = database.tables
  const columns = entryColumns(database.tables)
  const find = createStatements(database, { count: entry.id, ...columns })
  const names = toText(database, sql.join(Object.values(columns), sql`, `))
  const id = sql`first.id` as unknown as Column

  return async (wanted: Near, { limit, offset }: PageRequest) => {
    const { listed, conditions, isShown, hasValue, key } = wanted
    const direction = sql.raw(wanted.isDescending ? "desc" : "asc")
    const inOrder = sql`order by key ${direction}, id`
    const fits = conditions.map((condition) => sql`(${isAmong(database, id, condition)}) is true`)
    const statement = sql`with counted as materialized (select count(*) as count from (${listed}) listed),
      first as (select ${value.entry_id} as id, ${key} as key from ${value} where ${hasValue} and ${isShown}
        ${inOrder} limit ${reach}),
      near as (select id, key from first where ${sql.join(fits, sql` and `)} ${inOrder} limit ${limit + offset}),
      each as (select listed.id, own.key from (${listed}) listed (id) cross join lateral
        (select ${key} as key from ${value} where ${value.entry_id} = listed.id and ${hasValue} limit 1) own where ${isFew}),
      page as (select id, key from near union all select id, key from each ${inOrder} limit ${limit} offset ${offset})
      select counted.count, ${names} from counted left join page on true left join ${entry} on ${entry.id} = page.id
        order by page.key ${direction}, page.id`
    const isAlike = conditions.every(({ isCovered }) => isCovered)
    const found = await find(statement, isAlike)
    const rows = found.map(({ count: _, ...row }): EntryRow => row)
    const count = found[0]?.count ?? 0
    return { count, rows: rows.filter((row) => row.id !== null), isWhole: count < few }
  }
}
