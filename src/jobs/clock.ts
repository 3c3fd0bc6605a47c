import { type SQL, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"

type Dialect = Database["dialect"]

/** The time of the database: where processes on several machines share one, theirs differ. */
export function toNow(dialect: Dialect): SQL {
  return dialect === "postgres" ? sql`now()` : sql`cast(round(unixepoch('subsec') * 1000) as integer)`
}

export function toAfter(dialect: Dialect, milliseconds: number): SQL {
  const time = toNow(dialect)
  return dialect === "postgres"
    ? sql`${time} + ${milliseconds} * interval '1 millisecond'`
    : sql`${time} + ${Math.round(milliseconds)}`
}
