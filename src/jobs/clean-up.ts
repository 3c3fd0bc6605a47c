import { and, asc, eq, exists, inArray, lt, notInArray, type SQL, sql } from "drizzle-orm"
import { systemUser } from "../core/access.ts"
import type { Database } from "../db/database.ts"
import type { Undo } from "../undo.ts"
import { toNow } from "./clock.ts"
import type { Jobs } from "./jobs.ts"
import type { Operation, Operations, RunContext } from "./operations.ts"
import { openStatuses } from "./records.ts"

export const cleanUpNumber = 20
const cron = "23 * * * *"
/** Rows of one statement: on SQLite nothing else is written meanwhile. */
const step = { jobs: 200, parts: 20, pause_ms: 10 }

export type CleanUpContext = { database: Database; operations: Operations; jobs: Pick<Jobs, "schedule"> }

/** Removes jobs that ended long ago, hourly, and once however many processes there are. */
export async function registerCleanUp({ database, operations, jobs }: CleanUpContext): Promise<Undo> {
  const undo = operations.register(createCleanUp(database))
  await jobs.schedule({ operation: cleanUpNumber, plugin: null, cron, user: systemUser })
  return undo
}

function createCleanUp(database: Database): Operation {
  const { db, dialect, tables } = database
  const { job, job_part } = tables
  const now = toNow(dialect)
  // SQLite takes the next revision from the newest one that is there
  const isOlder = sql`${job.revision} < (select max(revision) from job)`
  const isExpired = and(lt(job.expires_at, now), isOlder)
  const expired = db.select({ id: job.id }).from(job).where(isExpired).orderBy(asc(job.expires_at)).limit(step.jobs)

  // a result that was cut short, of a job that then ended without one
  const isLeft = and(eq(job.parts, 0), notInArray(job.status, openStatuses))

  const removeParts = async (whose: SQL | undefined, signal: AbortSignal) => {
    const owner = db
      .select({ one: sql`1` })
      .from(job)
      .where(and(eq(job.id, job_part.job_id), whose))
    const { job_id, index } = job_part
    const some = db.select({ job_id, index }).from(job_part).where(exists(owner)).limit(step.parts)
    let removed: unknown[] = []
    do {
      await Bun.sleep(step.pause_ms)
      removed = await db.delete(job_part).where(sql`(${job_id}, ${index}) in (${some})`).returning({ index })
    } while (removed.length > 0 && !signal.aborted)
  }

  return {
    number: cleanUpNumber,
    plugin: null,
    name: "CLEAN_UP_JOBS",
    parallelizable: false,
    cancelable: false,
    downloadable: false,
    hidden: true,
    attempts: 1,
    retention_days: 7,
    isNeeded: async () => (await expired).length > 0,
    async run({ signal, progress }: RunContext) {
      let count = 0
      while (!signal.aborted) {
        const ids = (await expired).map(({ id }) => id)
        if (ids.length === 0) break
        const whose = and(inArray(job.id, ids), isExpired)
        await removeParts(whose, signal)
        const removed = await db.delete(job).where(whose).returning({ id: job.id })
        count += removed.length
        await progress(0, `removed ${count} jobs`)
      }
      await removeParts(isLeft, signal)
      signal.throwIfAborted()
      return { removed: count }
    },
  }
}
