import type { Database as Client, SQLQueryBindings, Statement } from "bun:sqlite"
import type { Json, SqlRow } from "@pagoda/sdk"
import { type Bounds, refuseCount, toDriverValues, toInteger, toReal, toRow } from "./values.ts"

type Raw = string | number | bigint | boolean | null | Uint8Array
type Prepared = Statement<Record<string, Raw>, SQLQueryBindings[]>

export type SqliteAnswer = { readonly changes: number; rows(): SqlRow[]; arrays(): Json[][] }

/** Runs one statement to its end, and keeps what it answers as plain JSON. */
export function runSqlite(client: Client, sql: string, params: readonly Json[], check: Bounds): SqliteAnswer {
  const statement: Prepared = client.query(sql)
  refuseCount(statement.paramsCount, params.length)
  const values = toDriverValues(params)
  const columns = statement.columnNames
  if (columns.length === 0) {
    const { changes } = statement.run(...values)
    return { changes: Number(changes), rows: () => [], arrays: () => [] }
  }
  const found = readValues(statement, columns, values, check)
  const changes = readOnly.test(sql) ? 0 : countChanges(client)
  return { changes, rows: () => found.map((row) => toRow(columns, row)), arrays: () => found }
}

function readValues(
  statement: Prepared,
  columns: readonly string[],
  values: SQLQueryBindings[],
  check: Bounds,
): Json[][] {
  const found: Json[][] = []
  const take = (row: readonly Raw[]) => {
    const plain = row.map(toJson)
    check(plain)
    found.push(plain)
  }
  // one after the other, so that too many are never in memory; two columns of one name cannot be told apart that way
  if (new Set(columns).size === columns.length) {
    for (const row of statement.iterate(...values)) take(columns.map((column) => row[column] as Raw))
  } else {
    for (const row of statement.values(...values)) take(row as Raw[])
  }
  return found
}

function toJson(value: Raw): Json {
  if (typeof value === "bigint") return toInteger(value)
  if (typeof value === "number") return toReal(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value
}

const readOnly = /^(?:select|values|explain|pragma)\b/i

function countChanges(client: Client): number {
  return Number(client.query<{ count: bigint }, []>("select changes() as count").get()?.count ?? 0)
}
