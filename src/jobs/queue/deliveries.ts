import { type SQL, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { isDead } from "./heartbeat.ts"
import type { DeliveryOptions, InStatement, Receiver } from "./queue.ts"

/** graphile-worker's own tables, as far as it does not do by itself what is needed: it waits four hours for a dead worker. */
export type Deliveries = {
  readonly inStatement: InStatement
  add(id: number, options: DeliveryOptions): Promise<void>
  remove(id: number): Promise<void>
  /** Adds the rows that wait and that the queue has lost, such as with a backup that did not have it. */
  repair(): Promise<void>
  /** What these processes hold can be delivered again, but for what is named. */
  free(workers: string[], except?: string[]): Promise<void>
  /** Does that for processes that are dead, rows included. */
  takeOver(reclaim: Receiver["reclaim"]): Promise<{ processes: number; jobs: number }>
  /** And for one that is about to end. */
  giveUp(workers: string[], reclaim: Receiver["reclaim"]): Promise<void>
  /** Keys that no job has any more go: each fetch would look at them. */
  clear(): Promise<void>
}

type Columns = Record<"operation" | "key" | "run_at" | "priority", SQL>

/** A delivery is no try: those are counted in the row. */
const attempts = 32_767

export function createDeliveries({ db, transaction, tables }: Database): Deliveries {
  const { job, job_worker } = tables
  const add = (id: SQL, { operation, key, run_at, priority }: Columns, mode = "replace") =>
    sql`(graphile_worker.add_job(identifier => 'job_' || ${operation}, payload => json_build_object('id', ${id}), queue_name => ${key}, run_at => ${run_at}, max_attempts => ${attempts}, job_key => cast(${id} as text), priority => ${priority}, job_key_mode => ${sql.raw(`'${mode}'`)})).key`
  const row = {
    operation: sql`${job.operation}`,
    key: sql`${job.serial_key}`,
    run_at: sql`${job.run_after}`,
    priority: sql`${job.priority}`,
  }

  const free = async (handle: Transaction, workers: string[], except: string[] = []) => {
    const theirs = sql`locked_by in ${workers}`
    const others = except.length === 0 ? theirs : sql`${theirs} and not (id in ${except})`
    // One without its key was replaced by another while it was worked on.
    await handle.execute(sql`delete from graphile_worker._private_jobs where ${others} and key is null`)
    await handle.execute(
      sql`update graphile_worker._private_jobs set locked_at = null, locked_by = null, attempts = greatest(attempts - 1, 0) where ${others}`,
    )
    const held = sql`select job_queue_id from graphile_worker._private_jobs where ${theirs} and job_queue_id is not null`
    await handle.execute(
      sql`update graphile_worker._private_job_queues set locked_at = null, locked_by = null where ${theirs} and not (id in (${held}))`,
    )
  }

  return {
    inStatement: {
      // What graphile-worker warns of is one that is there already.
      first: add(sql`${job.id}`, row, "unsafe_dedupe"),
      again: sql`case when ${job.status} = 'preparing' then ${add(sql`${job.id}`, row)} end`,
    },

    async add(id, { operation, key = null, delay_ms = 0, priority = 0 }) {
      const run_at = sql`now() + ${delay_ms} * interval '1 millisecond'`
      const values = {
        operation: sql`${operation}::int`,
        key: sql`${key}::text`,
        run_at,
        priority: sql`${priority}::int`,
      }
      await db.execute(sql`select ${add(sql`${id}::bigint`, values)}`)
    },

    async remove(id) {
      await db.execute(sql`select (graphile_worker.remove_job(${String(id)})).key`)
    },

    async repair() {
      const known = sql`select from graphile_worker._private_jobs delivery where delivery.key = cast(${job.id} as text)`
      await db
        .select({ key: add(sql`${job.id}`, row) })
        .from(job)
        .where(sql`${job.status} = 'preparing' and not exists (${known})`)
    },

    free: (workers, except) => transaction((handle) => free(handle, workers, except)),

    takeOver: (reclaim) =>
      transaction(async (handle) => {
        const dead = await handle.delete(job_worker).where(isDead(tables)).returning()
        const workers = dead.map(({ id }) => id)
        if (workers.length > 0) await free(handle, workers)
        return { processes: workers.length, jobs: await reclaim(handle) }
      }),

    giveUp: (workers, reclaim) =>
      transaction(async (handle) => {
        await handle.delete(job_worker).where(sql`${job_worker.id} in ${workers}`)
        await free(handle, workers)
        await reclaim(handle)
      }),

    clear: () =>
      transaction(async (handle) => {
        // Whoever adds a job looks up its key in one statement and uses it in the next: the lock keeps the two together.
        await handle.execute(sql`set local lock_timeout = 200`)
        await handle.execute(sql`lock table graphile_worker._private_job_queues in share row exclusive mode`)
        const used = sql`select from graphile_worker._private_jobs delivery where delivery.job_queue_id = queue.id`
        await handle.execute(
          sql`delete from graphile_worker._private_job_queues queue where locked_at is null and not exists (${used})`,
        )
      }),
  }
}
