import { and, asc, eq, getTableColumns, gt, inArray, max } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import { toListed } from "./listed.ts"
import type { JobRow } from "./records.ts"

/** One job, or those of one user or of all. */
export type Interest = { job: number } | { user_id?: string | undefined; hidden: boolean }

/** What changed, by revision. */
export type Changes = ReturnType<typeof createChanges>

export function createChanges(database: Database) {
  const { db, tables } = database
  const { job } = tables
  const listed = toListed(database)
  return {
    async newest(): Promise<number> {
      const [found] = await db.select({ revision: max(job.revision) }).from(job)
      return Number(found?.revision ?? 0)
    },
    async after(revision: number, interest: Interest, limit: number): Promise<JobRow[]> {
      const mine =
        "job" in interest
          ? eq(job.id, interest.job)
          : and(
              interest.user_id === undefined ? undefined : eq(job.user_id, interest.user_id),
              interest.hidden ? undefined : eq(job.hidden, false),
            )
      return db
        .select("job" in interest ? getTableColumns(job) : listed)
        .from(job)
        .where(and(gt(job.revision, revision), mine))
        .orderBy(asc(job.revision))
        .limit(limit)
    },
    async some(ids: number[]): Promise<JobRow[]> {
      return db.select(listed).from(job).where(inArray(job.id, ids)).orderBy(asc(job.revision))
    },
  }
}
