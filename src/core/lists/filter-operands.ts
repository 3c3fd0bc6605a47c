import type { Json } from "@pagoda/sdk"
import { toPlainText } from "../search/text.ts"
import type { TargetType } from "./filter-targets.ts"
import type { Operator } from "./filters.ts"

export type Operand = string | number

type OperandType = {
  readonly wanted: string
  readonly operators: readonly Operator[]
  parse(value: Json): Operand | undefined
}

const equality: readonly Operator[] = ["eq", "ne", "in", "isnull"]
const comparison: readonly Operator[] = [...equality, "gt", "gte", "lt", "lte"]

const datePattern = /^\d{4}-\d{2}-\d{2}$/
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** How what is asked for is read, from JSON or from the text of a query. Times are milliseconds since 1970. */
export const operandTypes: { readonly [Type in TargetType]: OperandType } = {
  text: {
    wanted: "a text",
    operators: [...comparison, "contains"],
    parse: (value) =>
      typeof value === "string" ? toPlainText(value) : typeof value === "number" ? String(value) : undefined,
  },
  number: { wanted: "a number", operators: comparison, parse: parseNumber },
  integer: { wanted: "an integer", operators: comparison, parse: parseInteger },
  boolean: { wanted: '"true" or "false"', operators: equality, parse: (value) => toNumber(parseBoolean(value)) },
  date: {
    wanted: 'a day such as "2026-01-31"',
    operators: comparison,
    parse: (value) => (typeof value === "string" && datePattern.test(value) ? toTime(value) : undefined),
  },
  datetime: {
    wanted: 'a time such as "2026-01-31T12:00:00Z", or a day',
    operators: comparison,
    parse: (value) =>
      typeof value === "string" && (timePattern.test(value) || datePattern.test(value)) ? toTime(value) : undefined,
  },
  reference: { wanted: "an id", operators: equality, parse: parseInteger },
  named: { wanted: "an id", operators: [...equality, "contains"], parse: parseInteger },
}

export function parseBoolean(value: Json): boolean | undefined {
  if (typeof value === "boolean") return value
  return value === "true" ? true : value === "false" ? false : undefined
}

function toNumber(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}

function parseNumber(value: Json): number | undefined {
  const number =
    typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) ? number : undefined
}

function parseInteger(value: Json): number | undefined {
  const number = parseNumber(value)
  return Number.isSafeInteger(number) ? number : undefined
}

/** Days that the calendar does not have are none: `Date` makes the next month's first of them. */
function toTime(text: string): number | undefined {
  const time = Date.parse(text)
  if (Number.isNaN(time)) return undefined
  const day = text.slice(0, 10)
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) ? time : undefined
}
