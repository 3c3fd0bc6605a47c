import { and, asc, count, countDistinct, desc, eq, isNotNull, notInArray, type SQL } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { PageRequest } from "../entries.ts"
import type { EntryWhere } from "./entry-filter.ts"
import { isAmong, type ValueCondition } from "./filter-conditions.ts"
import type { Ordering } from "./ordering.ts"

type ValueWhere = NonNullable<EntryWhere["values"]>

export async function countEntries(database: Database, { where, values }: EntryWhere): Promise<number> {
  const { db, tables } = database
  const { entry, entry_value: value } = tables
  const first = values?.conditions.find(({ isNegative }) => !isNegative)
  const query =
    values && first
      ? db
          .select({ count: first.isArray ? countDistinct(value.entry_id) : count() })
          .from(value)
          .where(and(first.where(value), allOf(database, values, first)))
      : db.select({ count: count() }).from(entry).where(where)
  const [row] = await query
  return row?.count ?? 0
}

/** What is left to hold for a value of an entry, once one condition does. */
function allOf(database: Database, { conditions, isShown }: ValueWhere, done?: ValueCondition): SQL {
  const { entry_value: value } = database.tables
  const others = conditions.filter((condition) => condition !== done)
  return and(...others.map((condition) => isAmong(database, value.entry_id, condition)), isShown) as SQL
}

/** The one attribute that a list is ordered by, where the values' indexes alone can tell what is on a page. */
export type Ordered = {
  readonly wanted: EntryWhere
  readonly values: ValueWhere
  readonly attribute: number
  readonly isText: boolean
  readonly isDescending: boolean
}

export function findOrdered(wanted: EntryWhere, orderings: readonly Ordering[]): Ordered | undefined {
  const [ordering] = orderings
  const { values } = wanted
  if (!values || orderings.length !== 1 || !ordering || !("attribute" in ordering.target)) return undefined
  const { attribute, type } = ordering.target
  return { wanted, values, attribute: attribute.id, isText: type === "text", isDescending: ordering.isDescending }
}

/** The ids of those that have a value, in its order; `rest`: where those that have none are found. */
export type OrderedPage = { count: number; ids: number[]; rest?: PageRequest & { where: SQL } }

export async function findInOrder(
  database: Database,
  { wanted, values, attribute, isText, isDescending }: Ordered,
  { limit, offset }: PageRequest,
): Promise<OrderedPage> {
  const { db, tables } = database
  const { entry, entry_value: value } = tables
  const key = isText ? value.text : value.number
  const hasValue = and(eq(value.attribute_id, attribute), isNotNull(key))
  const where = and(hasValue, allOf(database, values))

  const finding = db
    .select({ id: value.entry_id })
    .from(value)
    .where(where)
    .orderBy((isDescending ? desc : asc)(key), asc(value.entry_id))
    .limit(limit)
    .offset(offset)
  const [found, rows] = await Promise.all([countEntries(database, wanted), finding])
  if (offset >= found) return { count: found, ids: [] }
  const page = { count: found, ids: rows.map(({ id }) => id) }
  const missing = Math.min(limit, found - offset) - rows.length
  if (missing <= 0) return page

  const isKnown = rows.length > 0 || offset === 0
  const [counted] = isKnown ? [] : await db.select({ count: count() }).from(value).where(where)
  const before = counted?.count ?? offset + rows.length
  const none = notInArray(entry.id, db.select({ id: value.entry_id }).from(value).where(hasValue))
  return { ...page, rest: { where: none, limit: missing, offset: Math.max(0, offset - before) } }
}
