import { type SQL, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import { toNow } from "./clock.ts"

/** When a job that ends now is removed, by the clock of the database. */
export function toExpiry({ dialect, tables: { job } }: Pick<Database, "dialect" | "tables">): SQL {
  const now = toNow(dialect)
  return dialect === "postgres"
    ? sql`${now} + ${job.retention_days} * interval '1 day'`
    : sql`${now} + ${job.retention_days} * 86400000`
}
