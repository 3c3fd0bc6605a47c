import { getTableColumns, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"

/** Bytes of UTF-8. A page of a thousand jobs fits into memory. */
const longestListed = 64 * 1024

/** The columns of a job among others. */
export function toListed({ tables: { job } }: Pick<Database, "tables">) {
  const text = sql<string | null>`case when octet_length(${job.text}) <= ${longestListed} then ${job.text} end`
  return { ...getTableColumns(job), text }
}
