import type { Job, JobStatus } from "@pagoda/sdk"
import { and, asc, count, desc, eq, gt, inArray, type SQL } from "drizzle-orm"
import type { Database } from "../db/database.ts"

export const openStatuses: JobStatus[] = ["preparing", "processing"]

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

export function createRecords({ db, tables: { job } }: Database) {
  const matches = (filter: RecordFilter): SQL | undefined =>
    and(
      ...Object.entries(filter).flatMap(([key, value]) =>
        value === undefined ? [] : [eq(job[key as keyof RecordFilter], value)],
      ),
    )

  return {
    async insert(values: NewJob): Promise<JobRow> {
      const [row] = await db.insert(job).values(values).returning()
      return row as JobRow
    },
    async find(id: number): Promise<JobRow | undefined> {
      const [row] = await db.select().from(job).where(eq(job.id, id)).limit(1)
      return row
    },
    async page(filter: RecordFilter, limit: number, offset: number): Promise<{ count: number; rows: JobRow[] }> {
      const where = matches(filter)
      const [counted] = await db.select({ count: count() }).from(job).where(where)
      const rows = await db.select().from(job).where(where).orderBy(desc(job.id)).limit(limit).offset(offset)
      return { count: Number(counted?.count ?? 0), rows }
    },
    /** Jobs that have not ended, oldest first, a batch at a time. */
    async open(after: number, limit: number, operation?: number): Promise<JobRow[]> {
      const mine = operation === undefined ? undefined : eq(job.operation, operation)
      return db
        .select()
        .from(job)
        .where(and(inArray(job.status, openStatuses), gt(job.id, after), mine))
        .orderBy(asc(job.id))
        .limit(limit)
    },
    async change(id: number, expected: Expected, values: Partial<NewJob>): Promise<JobRow | undefined> {
      const attempts = expected.attempts === undefined ? undefined : eq(job.attempts, expected.attempts)
      const [row] = await db
        .update(job)
        .set(values)
        .where(and(eq(job.id, id), inArray(job.status, expected.status), attempts))
        .returning()
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
