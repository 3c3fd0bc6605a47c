import { and, asc, eq, gt, inArray, lt, max, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import { toListed, toTold } from "./listed.ts"
import type { JobRow } from "./records.ts"

/** One job, or those of one user or of all. */
export type Interest = { job: number } | { user_id?: string | undefined; hidden: boolean }

/** Of writes that are under way at once, and milliseconds between the first and the last of them. */
const mostOvertaken = 500
const longestWrite = 2_000

/** What changed, by revision. */
export type Changes = ReturnType<typeof createChanges>

export function createChanges(database: Database) {
  const { db, dialect, tables } = database
  const { job } = tables
  const listed = toListed(database)
  const told = toTold(database)
  const toMine = (interest: Interest) =>
    "job" in interest
      ? eq(job.id, interest.job)
      : and(
          interest.user_id === undefined ? undefined : eq(job.user_id, interest.user_id),
          interest.hidden ? undefined : eq(job.hidden, false),
        )
  return {
    async newest(): Promise<number> {
      const [found] = await db.select({ revision: max(job.revision) }).from(job)
      return Number(found?.revision ?? 0)
    },
    async after(revision: number, interest: Interest, limit: number): Promise<JobRow[]> {
      return db
        .select("job" in interest ? told : listed)
        .from(job)
        .where(and(gt(job.revision, revision), toMine(interest)))
        .orderBy(asc(job.revision))
        .limit(limit)
    },
    /**
     * Those just before a revision: on Postgres a write may be committed after others with a later one. Some of them may
     * have been told before.
     */
    async overtaken(revision: number, interest: Interest): Promise<JobRow[]> {
      if (dialect !== "postgres" || "job" in interest) return []
      const before = and(lt(job.revision, revision), gt(job.revision, revision - mostOvertaken))
      const last = db
        .select({ at: max(job.updated_at) })
        .from(job)
        .where(before)
      return db
        .select(listed)
        .from(job)
        .where(
          and(
            before,
            toMine(interest),
            sql`${job.updated_at} > (${last}) - ${longestWrite} * interval '1 millisecond'`,
          ),
        )
        .orderBy(asc(job.revision))
    },
    async some(ids: number[]): Promise<JobRow[]> {
      return db.select(listed).from(job).where(inArray(job.id, ids)).orderBy(asc(job.revision))
    },
  }
}
