import { and, asc, count, eq, gt, max, sql } from "drizzle-orm"
import { ageOf, type Backlog, readBacklog } from "../db/backlog.ts"
import type { Database } from "../db/database.ts"

/** How many jobs of an operation wait or run, in all processes. */
export type JobBacklog = Backlog<Kind>
type Kind = { operation: number; plugin: string | null }

/** How old: since it could begin, or since it began. */
export function readJobBacklog(
  { db, dialect, tables }: Database,
  status: "preparing" | "processing",
): Promise<JobBacklog[]> {
  const { job } = tables
  const { operation, plugin } = job
  const since =
    status === "processing"
      ? sql`${job.started_at}`
      : dialect === "postgres"
        ? sql`greatest(${job.updated_at}, ${job.run_after})`
        : sql`max(${job.updated_at}, coalesce(${job.run_after}, 0))`
  return readBacklog<Kind>(dialect, ["operation", "plugin"], (after, limit) => {
    const page = db
      .select({ id: job.id, operation, plugin, age: ageOf(dialect, since).as("age") })
      .from(job)
      .where(and(eq(job.status, status), gt(job.id, after)))
      .orderBy(asc(job.id))
      .limit(limit)
      .as("page")
    return db
      .select({
        operation: page.operation,
        plugin: page.plugin,
        count: count(),
        oldest_seconds: sql<number>`max(${page.age})`,
        last: max(page.id),
      })
      .from(page)
      .groupBy(page.operation, page.plugin)
  })
}
