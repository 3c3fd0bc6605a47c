import type { JobStatus } from "@pagoda/sdk"
import { and, eq, exists, type SQLWrapper, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import { createBatches } from "./batches.ts"
import { toNow } from "./clock.ts"
import { toExpiry } from "./expiry.ts"
import type { JobRow } from "./records.ts"
import type { KeptResult } from "./results.ts"
import type { Revisions } from "./revisions.ts"

/** How a try ended, for the row that it belongs to. */
export type Ending = {
  id: number
  /** The try's own number: a row that is at another one by now is left alone. */
  attempts: number
  status: Exclude<JobStatus, "preparing" | "processing">
  progress: number
  message: string
  error: string | null
  failures: number
} & Required<KeptResult>

/** The two statements that every job costs, each built once; on Postgres those of jobs that come together are one. */
export type Tries = {
  /** The row as it is now, if it waited for one of these operations; its number of attempts tells this try from all others. */
  begin(id: number, by: Beginner): Promise<JobRow | undefined>
  /** `undefined`: the row is not this try's any more. */
  end(ending: Ending): Promise<JobRow | undefined>
}

export type Beginner = { worker: string | null; operations: readonly number[] }

/** More in a statement keep those behind them waiting. */
const mostAtOnce = 50

export function createTries(database: Database, revisions: Revisions): Tries {
  const { db, dialect, tables } = database
  const { job, job_worker: worker } = tables
  const isShared = dialect === "postgres"
  const now = toNow(dialect)
  const list = (name: string) => sql.placeholder(name)
  // SQLite computes the next revision once a statement, and each row needs its own.
  const toRevision = (item: string) => (isShared ? revisions.next : sql`${revisions.next} + ${sql.raw(item)}.key`)
  const each = (name: string, item: string) =>
    isShared
      ? sql`json_array_elements(${list(name)}::json) as ${sql.raw(item)}`
      : sql`json_each(${list(name)}) as ${sql.raw(item)}`

  // Said once more for Postgres, which otherwise reads the table for want of knowing that they are few.
  const isAmong = (column: SQLWrapper, name: string) =>
    isShared ? sql`${column} = any(${list(name)}::bigint[])` : undefined
  // Without the plus SQLite goes through all that wait.
  const isStatus = (status: JobStatus) => (isShared ? eq(job.status, status) : sql`+${job.status} = ${status}`)
  const toList = (numbers: readonly number[]) => (isShared ? `{${numbers.join(",")}}` : JSON.stringify(numbers))
  const claim = db
    .update(job)
    .set({
      status: "processing",
      attempts: sql`${job.attempts} + 1`,
      progress: 0,
      message: "",
      error: null,
      started_at: now,
      updated_at: now,
      run_after: null,
      worker: sql`${list("worker")}`,
      revision: toRevision("wanted"),
    })
    .from((isShared ? sql`(select) as wanted` : each("ids", "wanted")) as never)
    .where(
      and(
        isAmong(job.id, "ids") ?? sql`${job.id} = wanted.value`,
        isStatus("preparing"),
        isAmong(job.operation, "operations") ??
          sql`${job.operation} in (select value from ${each("operations", "served")})`,
        // One that was taken for dead could not say that it lives, and what it begins would be taken from it.
        isShared
          ? exists(
              db
                .select({ one: sql`1` })
                .from(worker)
                .where(sql`${worker.id} = ${list("worker")}`),
            )
          : undefined,
      ),
    )
    .returning(revisions.returning)
    .prepare("job_claim")

  const text = (name: string) => sql`ending.value ->> ${sql.raw(`'${name}'`)}`
  const int = (name: string) => sql`cast(${text(name)} as bigint)`
  const finish = db
    .update(job)
    .set({
      status: text("status") as never,
      progress: int("progress"),
      message: text("message"),
      text: text("text"),
      parts: int("parts"),
      content_type: text("content_type"),
      file_name: text("file_name"),
      error: text("error"),
      failures: int("failures"),
      finished_at: now,
      updated_at: now,
      expires_at: toExpiry(database),
      revision: toRevision("ending"),
    })
    .from(each("endings", "ending") as never)
    .where(
      and(
        isAmong(job.id, "ids"),
        sql`${job.id} = ${int("id")}`,
        sql`${job.attempts} = ${int("attempts")}`,
        isStatus("processing"),
      ),
    )
    .returning(revisions.returning)
    .prepare("job_finish")

  const tell = async (rows: JobRow[]) => {
    for (const row of rows) await revisions.publish(row)
  }
  const inOrder = (ids: number[], rows: JobRow[]) => {
    const found = new Map(rows.map((row) => [row.id, row]))
    return ids.map((id) => found.get(id))
  }

  const begin = createBatches(async (tries: { id: number; by: Beginner }[]) => {
    const ids = tries.map(({ id }) => id)
    const { worker, operations } = (tries.at(-1) as (typeof tries)[number]).by
    const rows = await claim.execute({ ids: toList(ids), operations: toList(operations), worker })
    await tell(rows)
    return inOrder(ids, rows)
  }, mostAtOnce)

  const end = createBatches(async (endings: Ending[]) => {
    const ids = endings.map(({ id }) => id)
    const rows = await finish.execute({ ids: toList(ids), endings: JSON.stringify(endings) })
    await tell(rows)
    return inOrder(ids, rows)
  }, mostAtOnce)

  return { begin: (id, by) => begin({ id, by }), end }
}
