import type { Job, JobStatus } from "@pagoda/sdk"
import { and, asc, count, desc, eq, gt, inArray, isNull, notExists, or, type SQL, sql } from "drizzle-orm"
import type { Database, Transaction } from "../db/database.ts"
import { toAfter, toNow } from "./clock.ts"
import { toExpiry } from "./expiry.ts"
import { createInsertion } from "./insertion.ts"
import { toListed } from "./listed.ts"
import type { Queue } from "./queue/queue.ts"
import type { Revisions } from "./revisions.ts"

export const openStatuses: JobStatus[] = ["preparing", "processing"]
export const finalStatuses: JobStatus[] = ["done", "warning", "error", "timeout", "canceled"]

export function isFinal(status: JobStatus): boolean {
  return !openStatuses.includes(status)
}

/** The `job` table: every statement about it is here. */
export type Records = ReturnType<typeof createRecords>
export type JobRow = Database["tables"]["job"]["$inferSelect"]
export type NewJob = Omit<Database["tables"]["job"]["$inferInsert"], "id">

export type RecordFilter = {
  user_id?: string
  status?: JobStatus
  operation?: number
  plugin?: string
  hidden?: boolean
}

/** What a change is made only for: another process or a cancel may have been faster. */
export type Expected = { status: JobStatus[]; attempts?: number }

export function createRecords(database: Database, revisions: Revisions, queue?: Pick<Queue, "inStatement">) {
  const { db, dialect, tables } = database
  const { job, job_worker: worker } = tables
  const now = toNow(dialect)
  const inQueue = queue?.inStatement
  const returningFirst = { ...revisions.returning, ...(inQueue && { queued: inQueue.first }) }
  const returningAgain = { ...revisions.returning, ...(inQueue && { queued: inQueue.again }) }
  const fixed = { created_at: now, updated_at: now, revision: revisions.next }
  const insertAlone = createInsertion(database, fixed, returningFirst)
  const insertWithin = async (handle: Transaction, values: NewJob) => {
    const [row] = await handle
      .insert(job)
      .values({ ...values, ...fixed } as never)
      .returning(returningFirst)
    return row as JobRow
  }
  const listed = toListed(database)
  const ended = { expires_at: toExpiry(database) }
  const matches = (filter: RecordFilter): SQL | undefined =>
    and(
      ...Object.entries(filter).flatMap(([key, value]) =>
        value === undefined ? [] : [eq(job[key as keyof RecordFilter], value)],
      ),
    )

  return {
    /** By the database's clock, which all processes share. */
    now: now as SQL & string,
    after: (milliseconds: number) => toAfter(dialect, milliseconds) as SQL & string,
    /** It waits: where the queue is in the same database, it is in that as well. */
    async insert(values: NewJob, handle?: Transaction): Promise<JobRow> {
      const row = handle ? await insertWithin(handle, values) : await insertAlone(values)
      await revisions.publish(row, handle)
      return row
    },
    async find(id: number): Promise<JobRow | undefined> {
      const [row] = await db.select().from(job).where(eq(job.id, id)).limit(1)
      return row
    },
    async page(filter: RecordFilter, limit: number, offset: number): Promise<{ count: number; rows: JobRow[] }> {
      const where = matches(filter)
      const [counted] = await db.select({ count: count() }).from(job).where(where)
      const rows = await db.select(listed).from(job).where(where).orderBy(desc(job.id)).limit(limit).offset(offset)
      return { count: Number(counted?.count ?? 0), rows }
    },
    /** Jobs that wait, oldest first, a batch at a time. */
    async waiting(after: number, limit: number, operation?: number): Promise<JobRow[]> {
      const mine = operation === undefined ? undefined : eq(job.operation, operation)
      return db
        .select()
        .from(job)
        .where(and(eq(job.status, "preparing"), gt(job.id, after), mine))
        .orderBy(asc(job.id))
        .limit(limit)
    },
    /** Those of these tries that go on. */
    async running(ids: number[]): Promise<Pick<JobRow, "id" | "attempts">[]> {
      const { id, attempts } = job
      return db
        .select({ id, attempts })
        .from(job)
        .where(and(inArray(id, ids), eq(job.status, "processing")))
    },
    /** What a process had begun that is gone waits again; gives how many. */
    async reclaim(handle?: Transaction): Promise<number> {
      const its = db.select({ one: sql`1` }).from(worker).where(eq(worker.id, job.worker))
      const rows = await (handle ?? db)
        .update(job)
        .set({
          status: "preparing",
          interruptions: sql`${job.interruptions} + 1`,
          updated_at: now,
          worker: null,
          revision: revisions.nextOfMany,
        })
        // SQLite's one process asks before it has begun anything
        .where(
          and(
            eq(job.status, "processing"),
            dialect === "postgres" ? or(isNull(job.worker), notExists(its)) : undefined,
          ),
        )
        .returning(returningAgain)
      for (const row of rows) await revisions.publish(row, handle)
      return rows.length
    },
    async change(id: number, expected: Expected, values: Partial<NewJob>): Promise<JobRow | undefined> {
      const attempts = expected.attempts === undefined ? undefined : eq(job.attempts, expected.attempts)
      const [row] = await db
        .update(job)
        .set({
          ...values,
          ...(values.status && isFinal(values.status) && ended),
          updated_at: now,
          revision: revisions.next,
        })
        .where(and(eq(job.id, id), inArray(job.status, expected.status), attempts))
        .returning(values.status === "preparing" ? returningAgain : revisions.returning)
      if (row) await revisions.publish(row)
      return row
    },
  }
}

export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    operation: row.operation,
    operation_name: row.operation_name,
    plugin: row.plugin,
    user: { id: row.user_id, username: row.username },
    target: toTarget(row),
    status: row.status,
    progress: row.progress,
    message: row.message,
    params: row.params,
    text: row.text,
    error: row.error,
    attempts: row.attempts,
    cancelable: row.cancelable,
    downloadable: row.downloadable,
    created_at: row.created_at,
    started_at: row.started_at,
    finished_at: row.finished_at,
  }
}

export function toTarget({ target_type, target_id, target_name }: JobRow): Job["target"] {
  return target_type === null || target_id === null
    ? null
    : { type: target_type, id: target_id, name: target_name ?? "" }
}
