import {
  and,
  type Column,
  eq,
  exists,
  gt,
  gte,
  inArray,
  isNotNull,
  lt,
  lte,
  ne,
  notExists,
  notInArray,
  type SQL,
  sql,
} from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import { kinds } from "../kinds.ts"
import { hasText, hasTextInName } from "../search/conditions.ts"
import { fold, textReach, toStart } from "../search/text.ts"
import type { Operand } from "./filter-operands.ts"
import type { EntryField, Target } from "./filter-targets.ts"
import type { Condition } from "./filters.ts"

type Values = Tables["entry_value"]

/** What an attribute's values have to be, or with `isNegative` must not be. */
export type ValueCondition = {
  readonly isNegative: boolean
  /** An index finds the values. Else each entry's own are looked at. */
  readonly isIndexed: boolean
  /** The index alone tells: no value has to be read besides. */
  readonly isCovered: boolean
  readonly isArray: boolean
  where(values: Values): SQL
}

/** For the WHERE of a query on `entry`. */
export function toCondition(database: Database, condition: Condition): SQL {
  if ("field" in condition.target) return compareField(database, condition.target.field, condition)
  const wanted = toValueCondition(database, condition)
  const { entry, entry_value } = database.tables
  return wanted.isIndexed ? isAmong(database, entry.id, wanted) : hasAny(database, entry.id, entry_value, wanted)
}

/** Which of the ids are among all that an index finds. */
export function isAmong({ db, tables }: Database, id: Column, { isNegative, where }: ValueCondition): SQL {
  const { entry_value: value } = tables
  const found = db.select({ id: value.entry_id }).from(value).where(where(value))
  return isNegative ? notInArray(id, found) : inArray(id, found)
}

/** Which of the ids have such a value, one after the other. */
function hasAny({ db }: Database, id: Column, values: Values, { isNegative, where }: ValueCondition): SQL {
  const found = db
    .select({ one: sql`1` })
    .from(values)
    .where(and(eq(values.entry_id, id), where(values)))
  return isNegative ? notExists(found) : exists(found)
}

export function toValueCondition(database: Database, condition: Condition): ValueCondition {
  const { target, operator } = condition
  if ("field" in target) throw new Error(`"${target.field}" is no attribute`)
  const isReference = target.type === "reference" || target.type === "named"
  const isEquality = operator === "eq" || operator === "in" || operator === "ne"
  return {
    isNegative: operator === "ne" || (operator === "isnull" && condition.isNull),
    isIndexed: !isReference || isEquality,
    isCovered: operator === "isnull" || (operator !== "contains" && condition.operands.every(isShort)),
    isArray: kinds[target.attribute.type].isArray,
    where(values) {
      const own = eq(values.attribute_id, target.attribute.id)
      const isIndexed = isReference ? undefined : isNotNull(target.type === "text" ? values.text : values.number)
      const fits =
        operator === "isnull" ? undefined : compareValue(database, values, target, operator, condition.operands)
      return and(own, isIndexed, fits) as SQL
    },
  }
}

type AttributeTarget = Extract<Target, { attribute: unknown }>

function compareValue(
  database: Database,
  values: Values,
  target: AttributeTarget,
  operator: Exclude<Condition["operator"], "isnull">,
  operands: readonly Operand[],
): SQL {
  if (operator === "contains") {
    return hasText(database, sql`coalesce(${values.folded}, ${values.text})`, fold(String(operands[0])))
  }
  const comparison = operator === "ne" ? "eq" : operator
  if (target.type === "text") return compareText(values, comparison, operands as readonly string[])
  const isReference = target.type === "reference" || target.type === "named"
  return compare(isReference ? values.ref_id : values.number, comparison, operands)
}

type Comparison = "eq" | "gt" | "gte" | "lt" | "lte" | "in"

/** Whatever is shorter than the index reaches is compared by it alone. */
function compareText(values: Values, operator: Comparison, operands: readonly string[]): SQL {
  if (operands.every(isShort)) return compare(values.text, operator, operands)
  const exact = compare(sql`coalesce(${values.whole}, ${values.text})`, operator, operands)
  return operator === "eq" || operator === "in"
    ? (and(inArray(values.text, operands.map(toStart)), exact) as SQL)
    : exact
}

function isShort(operand: Operand): boolean {
  return String(operand).length < textReach
}

const comparisons = { eq, gt, gte, lt, lte }

function compare(
  left: SQL | Values["text" | "number" | "ref_id"],
  operator: Comparison,
  operands: readonly Operand[],
): SQL {
  if (operator === "in") return inArray(left as SQL, operands as Operand[])
  return comparisons[operator](left as SQL, operands[0])
}

function compareField(database: Database, field: EntryField, condition: Condition): SQL {
  const column = database.tables.entry[field]
  if (condition.operator === "isnull") return condition.isNull ? sql`1 = 0` : sql`1 = 1`
  const { operator, operands } = condition
  if (operator === "contains") return hasTextInName(database, fold(String(operands[0])))
  const isTime = field === "created_at" || field === "updated_at"
  const values = isTime ? operands.map((time) => new Date(Number(time)).toISOString()) : operands
  if (operator === "in") return inArray(column, values as string[])
  return { ...comparisons, ne }[operator](column, values[0] as string)
}
