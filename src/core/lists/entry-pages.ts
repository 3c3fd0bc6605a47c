import { and, asc, count, countDistinct, desc, eq, isNotNull, notInArray, type SQL, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { EntitySchema } from "../entities/schemas.ts"
import { entryColumns } from "../entries/reader.ts"
import type { EntryRow } from "../entries/view.ts"
import type { PageRequest } from "../entries.ts"
import type { EntryScope, EntryWhere } from "./entry-filter.ts"
import { isAmong, type ValueCondition } from "./filter-conditions.ts"
import { createNearPages, type Near } from "./near-page.ts"
import type { Ordering } from "./ordering.ts"

type ValueWhere = NonNullable<EntryWhere["values"]>

export async function countEntries(database: Database, { where, values }: EntryWhere): Promise<number> {
  const { db, tables } = database
  const { entry, entry_value: value } = tables
  const first = findFirst(values)
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

/** The ids of what `countEntries` counts, each once. */
function selectListed(database: Database, { where, values }: EntryWhere): SQL {
  const { db, tables } = database
  const { entry, entry_value: value } = tables
  const first = findFirst(values)
  if (!values || !first) return db.select({ id: entry.id }).from(entry).where(where).getSQL()
  const id = { id: value.entry_id }
  const query = (first.isArray ? db.selectDistinct(id) : db.select(id)).from(value)
  return query.where(and(first.where(value), allOf(database, values, first))).getSQL()
}

function findFirst(values: EntryWhere["values"]): ValueCondition | undefined {
  return values?.conditions.find(({ isNegative }) => !isNegative)
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

export function createOrderedPages(database: Database) {
  const { db, dialect, tables } = database
  const { entry, entry_value: value } = tables
  const findNear = createNearPages(database)

  return async (ordered: Ordered, request: PageRequest): Promise<OrderedPage> => {
    const { wanted, values, isDescending } = ordered
    const key = ordered.isText ? value.text : value.number
    const hasValue = and(eq(value.attribute_id, ordered.attribute), isNotNull(key))
    const where = and(hasValue, allOf(database, values))
    const isNear = dialect === "postgres" && values.conditions.length > 0
    const near = isNear
      ? await findNear(toNear(), request)
      : { count: await countEntries(database, wanted), rows: [], isWhole: false }

    const wanting = Math.min(request.limit, near.count - request.offset)
    if (wanting <= 0) return { count: near.count, rows: [] }
    const rows = near.isWhole || near.rows.length === wanting ? near.rows : await findAny()
    const page = { count: near.count, rows }
    const missing = wanting - rows.length
    return missing > 0 ? { ...page, rest: await toRest(rows.length, missing) } : page

    function toNear(): Near {
      return { listed: selectListed(database, wanted), ...values, hasValue: hasValue as SQL, key, isDescending }
    }

    async function findAny(): Promise<EntryRow[]> {
      const direction = isDescending ? desc : asc
      const page = db
        .select({ id: value.entry_id, key: sql`${key}`.as("key") })
        .from(value)
        .where(where)
        .orderBy(direction(key), asc(value.entry_id))
        .limit(request.limit)
        .offset(request.offset)
        .as("page")
      return db
        .select(entryColumns(tables))
        .from(page)
        .innerJoin(entry, eq(entry.id, page.id))
        .orderBy(direction(page.key), asc(page.id))
    }

    async function toRest(found: number, limit: number): Promise<OrderedPage["rest"]> {
      const { offset } = request
      const isKnown = found > 0 || offset === 0
      const [counted] = isKnown ? [] : await db.select({ count: count() }).from(value).where(where)
      const before = counted?.count ?? offset + found
      const none = notInArray(entry.id, db.select({ id: value.entry_id }).from(value).where(hasValue))
      return { where: none, limit, offset: Math.max(0, offset - before) }
    }
  }
}
