import {
  and,
  asc,
  type Column,
  count,
  countDistinct,
  desc,
  eq,
  isNotNull,
  notInArray,
  type SQL,
  sql,
} from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { EntitySchema } from "../entities/schemas.ts"
import { entryColumns } from "../entries/reader.ts"
import type { EntryRow } from "../entries/view.ts"
import type { PageRequest } from "../entries.ts"
import type { EntryScope, EntryWhere } from "./entry-filter.ts"
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
  readonly schema: EntitySchema
  readonly wanted: EntryWhere
  readonly values: ValueWhere
  readonly attribute: number
  readonly isText: boolean
  readonly isDescending: boolean
}

export function findOrdered(
  { schema }: EntryScope,
  wanted: EntryWhere,
  orderings: readonly Ordering[],
): Ordered | undefined {
  const [ordering] = orderings
  const { values } = wanted
  if (!schema || !values || orderings.length !== 1 || !ordering || !("attribute" in ordering.target)) return undefined
  const { attribute, type } = ordering.target
  const { isDescending } = ordering
  return { schema, wanted, values, attribute: attribute.id, isText: type === "text", isDescending }
}

/** Those that have a value, in its order; `rest`: where those that have none are found. */
export type OrderedPage = { count: number; rows: EntryRow[]; rest?: PageRequest & { where: SQL } }

export async function findInOrder(
  database: Database,
  ordered: Ordered,
  { limit, offset }: PageRequest,
): Promise<OrderedPage> {
  const { db, tables } = database
  const { entry, entry_value: value } = tables
  const { wanted, values } = ordered
  const key = ordered.isText ? value.text : value.number
  const direction = ordered.isDescending ? desc : asc
  const hasValue = and(eq(value.attribute_id, ordered.attribute), isNotNull(key))
  const where = and(hasValue, allOf(database, values))
  const inOrder = (ofThese: SQL | undefined, many: PageRequest) =>
    db
      .select({ id: value.entry_id, key: sql`${key}`.as("key") })
      .from(value)
      .where(ofThese)
      .orderBy(direction(key), asc(value.entry_id))
      .limit(many.limit)
      .offset(many.offset)
  type Found = ReturnType<ReturnType<typeof inOrder>["as"]>
  const toEntries = (page: Found) =>
    db
      .select(entryColumns(tables))
      .from(page)
      .innerJoin(entry, eq(entry.id, page.id))
      .orderBy(direction(page.key), asc(page.id))

  const findAny = () => toEntries(inOrder(where, { limit, offset }).as("page"))
  /** Among the first of all: one after the other, until the page is full. */
  const findNear = (reach: number) => {
    const first = inOrder(and(hasValue, values.isShown), { limit: reach, offset: 0 }).as("first")
    const id = first.id as unknown as Column
    const fits = values.conditions.map((condition) => sql`(${isAmong(database, id, condition)}) is true`)
    const page = db
      .select({ id: first.id, key: sql`${first.key}`.as("key") })
      .from(first)
      .where(and(...fits))
      .orderBy(direction(first.key), asc(first.id))
      .limit(limit)
      .offset(offset)
      .as("page")
    return toEntries(page as unknown as Found)
  }

  const found = await countEntries(database, wanted)
  if (offset >= found) return { count: found, rows: [] }
  const wanting = Math.min(limit, found - offset)
  const isNear = database.dialect === "postgres" && values.conditions.length > 0 && found >= few && found <= many
  const near = isNear ? await findNear(found * walks) : []
  const rows = near.length === wanting ? near : await findAny()
  const page = { count: found, rows }
  const missing = wanting - rows.length
  if (missing <= 0) return page

  const isKnown = rows.length > 0 || offset === 0
  const [counted] = isKnown ? [] : await db.select({ count: count() }).from(value).where(where)
  const before = counted?.count ?? offset + rows.length
  const none = notInArray(entry.id, db.select({ id: value.entry_id }).from(value).where(hasValue))
  return { ...page, rest: { where: none, limit: missing, offset: Math.max(0, offset - before) } }
}

/**
 * Postgres cannot tell how many entries have a value, takes them to be few, and looks at each. Where they are not, it is
 * told to look at the first ones in order instead, for no longer than looking at each would take. What is common is left
 * to it: that does not fit into its memory.
 */
const few = 200
const many = 20_000
/** How many values an index gives in order in the time that one takes to be looked up. */
const walks = 4
