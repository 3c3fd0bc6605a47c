import { and, asc, type Column, eq, exists, inArray, lt, notInArray, type SQL, sql } from "drizzle-orm"
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
const step = { jobs: 200, parts: 20, lines: 500, pause_ms: 10 }

/** Jobs whose rows in other tables go. */
type Owners = { whose: SQL | undefined; ids?: number[] }

export type CleanUpContext = { database: Database; operations: Operations; jobs: Pick<Jobs, "schedule"> }

/** Removes jobs that ended long ago, hourly, and once however many processes there are. */
export async function registerCleanUp({ database, operations, jobs }: CleanUpContext): Promise<Undo> {
  const undo = operations.register(createCleanUp(database))
  await jobs.schedule({ operation: cleanUpNumber, plugin: null, cron, user: systemUser })
  return undo
}

function createCleanUp(database: Database): Operation {
  const { db, dialect, tables } = database
  const { job, job_part, job_log, job_import } = tables
  const now = toNow(dialect)
  // SQLite takes the next revision from the newest one that is there
  const isOlder = sql`${job.revision} < (select max(revision) from job)`
  const isExpired = and(lt(job.expires_at, now), isOlder)
  const expired = db.select({ id: job.id }).from(job).where(isExpired).orderBy(asc(job.expires_at)).limit(step.jobs)

  // a result that was cut short, of a job that then ended without one
  const isLeft = and(eq(job.parts, 0), notInArray(job.status, openStatuses))

  /** `ids`: by the index; otherwise all rows are looked at. */
  const isOf = (id: Column, { whose, ids }: Owners) => {
    const owner = db
      .select({ one: sql`1` })
      .from(job)
      .where(and(eq(job.id, id), whose))
    return and(ids && inArray(id, ids), exists(owner))
  }
  const someParts = (owners: Owners) => {
    const { job_id, index } = job_part
    const some = db.select({ job_id, index }).from(job_part).where(isOf(job_id, owners)).limit(step.parts)
    return db.delete(job_part).where(sql`(${job_id}, ${index}) in (${some})`).returning({ index })
  }
  const someLines = (owners: Owners) => {
    const { id, job_id } = job_log
    const some = db.select({ id }).from(job_log).where(isOf(job_id, owners)).limit(step.lines)
    return db.delete(job_log).where(inArray(id, some)).returning({ id })
  }
  // one that is whole or gone: a job that runs again meanwhile would take half of a file for all of it
  const oneImport = (owners: Owners) => {
    const { id, job_id } = job_import
    const one = db.select({ id }).from(job_import).where(isOf(job_id, owners)).limit(1)
    return db.delete(job_import).where(inArray(id, one)).returning({ id })
  }
  const removeAll = async (some: () => PromiseLike<unknown[]>, signal: AbortSignal) => {
    let removed: unknown[] = []
    do {
      await Bun.sleep(step.pause_ms)
      removed = await some()
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
        const owners = { whose: isExpired, ids }
        for (const some of [someParts, someLines, oneImport]) await removeAll(() => some(owners), signal)
        signal.throwIfAborted()
        const removed = await db
          .delete(job)
          .where(and(inArray(job.id, ids), isExpired))
          .returning({ id: job.id })
        count += removed.length
        await progress(0, `removed ${count} jobs`)
      }
      await removeAll(() => someParts({ whose: isLeft }), signal)
      signal.throwIfAborted()
      return { removed: count }
    },
  }
}
