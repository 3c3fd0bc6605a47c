import type { Json } from "@pagoda/sdk"
import { getTableColumns, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"

/** Bytes of UTF-8. A page of a thousand jobs fits into memory. */
const longestListed = 64 * 1024

/** The columns of a job among others. */
export function toListed({ tables: { job } }: Pick<Database, "tables">) {
  const text = sql<string | null>`case when octet_length(${job.text}) <= ${longestListed} then ${job.text} end`
  return { ...getTableColumns(job), text, params: toListedParams(job) }
}

/** The columns of a job that is told of again and again. */
export function toTold({ tables: { job } }: Pick<Database, "tables">) {
  return { ...getTableColumns(job), params: toListedParams(job) }
}

/** Params as those columns have them. */
export function cutParams(params: Json): Json {
  return Buffer.byteLength(JSON.stringify(params)) <= longestListed ? params : null
}

function toListedParams({ params }: Database["tables"]["job"]) {
  const length = sql`octet_length(cast(${params} as text))`
  return sql<Json>`case when ${length} <= ${longestListed} then ${params} end`.mapWith(params)
}
