import { aliasedTable, and, asc, desc, eq, type SQL, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { Issue } from "../../errors.ts"
import type { AttributeRow } from "../entities/schemas.ts"
import { show } from "../fields.ts"
import { kinds } from "../kinds.ts"
import { explainUnknown, findAttribute, findField, type Scope, type Target } from "./filter-targets.ts"

/** What a list is ordered by, one thing after the other; by id where all of them are equal. */
export type Ordering = { readonly target: Target; readonly isDescending: boolean }

const orderingLimit = 8

/** Such as `-cpu,name`. What is wrong goes to `issues`. */
export function parseOrdering(ordering: unknown, scope: Scope, issues: Issue[]): Ordering[] {
  if (ordering === undefined || ordering === "") return []
  const refuse = (message: string) => {
    issues.push({ path: "ordering", message, code: "ORDERING_INVALID" })
    return []
  }
  if (typeof ordering !== "string") return refuse(`the ordering is ${show(ordering)}, wanted a text such as "-name"`)
  const parts = ordering.split(",")
  if (parts.length > orderingLimit)
    return refuse(`there are ${parts.length} orderings, wanted at most ${orderingLimit}`)
  return parts.flatMap((part) => {
    const isDescending = part.startsWith("-")
    const name = part.slice(Number(isDescending))
    const target = findField(name) ?? findAttribute(name, scope)
    if (!target) return refuse(explainUnknown(name, scope))
    if (!isOrdered(target)) return refuse(`"${name}" holds references or more than one value, wanted what has an order`)
    return [{ target, isDescending }]
  })
}

function isOrdered(target: Target): boolean {
  if ("field" in target) return true
  return target.type !== "reference" && target.type !== "named" && !kinds[target.attribute.type].isArray
}

/** What is to be joined to `entry`, and the ORDER BY. */
export type OrderingSql = { readonly joins: { table: ValueTable; on: SQL }[]; readonly by: SQL[] }
type ValueTable = Database["tables"]["entry_value"]

/** What has no value comes last, whichever way. */
export function toOrderingSql({ tables }: Database, orderings: readonly Ordering[]): OrderingSql {
  const { entry } = tables
  const joins: OrderingSql["joins"] = []
  const by: SQL[] = []
  for (const { target, isDescending } of orderings) {
    const direction = isDescending ? desc : asc
    if ("field" in target) {
      by.push(direction(entry[target.field]))
      continue
    }
    const table = aliasedTable(tables.entry_value, `ordered_${joins.length}`)
    joins.push({ table, on: toJoin(tables, table, target.attribute) })
    const key = target.type === "text" ? table.text : table.number
    by.push(sql`${key} is null`, direction(key))
  }
  return { joins, by: [...by, asc(entry.id)] }
}

function toJoin({ entry }: Database["tables"], value: ValueTable, { id }: AttributeRow): SQL {
  return and(eq(value.entry_id, entry.id), eq(value.attribute_id, id), eq(value.position, 0)) as SQL
}
