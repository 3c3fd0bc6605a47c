import type { Json, SqlRow } from "@pagoda/sdk"
import { PagodaError } from "../../errors.ts"

/** What one statement may answer: more belongs into pages, or into the statement. */
const mostRows = 100_000
export const mostBytes = 64 * 1024 * 1024

/** What a driver takes for a value of a plugin: an object or a list is its JSON text. */
export function toDriverValues(params: readonly Json[]): (string | number | boolean | null)[] {
  return params.map((value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : value))
}

/** An integer that JavaScript has no number for is its digits. */
export function toInteger(value: bigint): number | string {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value)
}

/** JSON has no infinity. */
export function toReal(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** Told of each row of one answer; throws when they are too many or too large. @throws QUERY_REFUSED */
export type Bounds = (values: readonly Json[]) => void

export function createBounds(): Bounds {
  let rows = 0
  let bytes = 0
  return (values) => {
    rows++
    for (const value of values) bytes += typeof value === "string" ? value.length : 8
    if (rows > mostRows) throw tooLarge(`more than ${mostRows} rows`)
    if (bytes > mostBytes) throw tooLarge(`more than ${mostBytes / 1024 / 1024} MB`)
  }
}

/** @throws QUERY_REFUSED */
export function refuseCount(wanted: number, given: number): void {
  if (wanted === given) return
  const values = (count: number) => `${count} ${count === 1 ? "value" : "values"}`
  throw new PagodaError(
    "QUERY_REFUSED",
    `The plugin's query is refused: it has places for ${values(wanted)}, ${given} ${given === 1 ? "was" : "were"} given`,
  )
}

/** By the names of their columns; of two with one name the last stays, as in every driver. */
export function toRow(columns: readonly string[], values: readonly Json[]): SqlRow {
  const row: SqlRow = {}
  for (const [index, column] of columns.entries()) setOwn(row, column, values[index] as Json)
  return row
}

/** Assigning `__proto__` would set the prototype. */
function setOwn(row: SqlRow, column: string, value: Json): void {
  if (column === "__proto__") Object.defineProperty(row, column, { value, enumerable: true, writable: true })
  else row[column] = value
}

function tooLarge(what: string): PagodaError {
  return new PagodaError(
    "QUERY_REFUSED",
    `The plugin's query is refused: it answers ${what}; ask for less at a time, with "limit"`,
  )
}
