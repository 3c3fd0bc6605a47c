import type { Job, JobRequest, Page, User } from "@pagoda/sdk"
import type { Database } from "../db/database.ts"
import { PagodaError } from "../errors.ts"
import type { Log } from "../log.ts"
import { checkFilter, type JobFilter } from "./filter.ts"
import { createHandOver } from "./hand-over.ts"
import type { Operations } from "./operations.ts"
import { toPage } from "./page.ts"
import { toParams } from "./params.ts"
import type { Queue } from "./queue/queue.ts"
import { createRecords, isFinal, type JobRow, openStatuses, toJob } from "./records.ts"
import { Runner } from "./runner.ts"
import { toSerialKey, toTargetColumns } from "./target.ts"
import { createWatchers } from "./watchers.ts"

export type JobsContext = {
  database: Database
  operations: Operations
  queue: Queue
  users: { get(id: string): Promise<User | null> }
  log: Log
}

/** `id` is a digest of the state that `data` is: who comes back with it is not told that state again. */
export type JobEvent = { id: string; event: "job"; data: Job }

export type Jobs = {
  create(request: JobRequest & { user: User }): Promise<Job>
  get(id: number, viewer: User): Promise<Job>
  list(viewer: User, filter: JobFilter): Promise<Page<Job>>
  cancel(id: number, viewer: User): Promise<Job>
  /** Begins with the present state, ends after the final one, when the signal fires, or when the jobs close. */
  events(id: number, viewer: User, options: { lastEventId?: string; signal: AbortSignal }): AsyncIterable<JobEvent>
  /** Opens the queue and hands over every job that waits or that a crash left behind. */
  start(): Promise<void>
  /** What runs may end within the grace time, is then told to, and is then handed back. */
  close(options: { grace_ms: number }): Promise<void>
}

/** The `job` table is the truth; the queue only delivers. */
export function openJobs({ database, operations, queue, users, log }: JobsContext): Jobs {
  const records = createRecords(database)
  const watchers = createWatchers()
  const runner = new Runner({ records, operations, users, queue, watchers, log })
  const handOver = createHandOver({ records, operations, queue, log })
  const closing = new AbortController()

  const find = async (id: number, viewer: User): Promise<JobRow> => {
    const row = Number.isSafeInteger(id) ? await records.find(id) : undefined
    if (row && (row.user_id === viewer.id || viewer.is_admin)) return row
    throw new PagodaError("NOT_FOUND", `There is no job ${id}`)
  }

  return {
    async create({ operation: number, params, target, user }) {
      const operation = operations.get(number)
      if (!operation) throw new PagodaError("NOT_FOUND", `There is no job operation ${number}`)
      const fits = toParams(operation, params)
      const about = toTargetColumns(target)
      const { name, plugin, cancelable, downloadable, hidden } = operation
      const row = await records.insert({
        operation: number,
        operation_name: name,
        plugin,
        user_id: user.id,
        username: user.username,
        ...about,
        params: fits,
        cancelable,
        downloadable,
        hidden,
        serial_key: toSerialKey(operation, about),
      })
      await handOver.one(row)
      return toJob(row)
    },

    async get(id, viewer) {
      return toJob(await find(id, viewer))
    },

    async list(viewer, filter) {
      checkFilter(filter)
      const { all_users, limit, offset, ...rest } = filter
      const user_id = all_users && viewer.is_admin ? undefined : viewer.id
      const { count, rows } = await records.page({ ...rest, user_id, hidden: false }, limit, offset)
      return toPage(filter, count, rows.map(toJob))
    },

    async cancel(id, viewer) {
      const row = await find(id, viewer)
      const refuse = (problem: string) => new PagodaError("JOB_NOT_CANCELABLE", `Cannot cancel job ${id}: ${problem}`)
      if (isFinal(row.status)) throw refuse(`it is "${row.status}"`)
      if (!row.cancelable) throw refuse(`its operation ${row.operation_name} is not cancelable`)
      const report = runner.latest(id)
      const values = { ...report, status: "canceled", finished_at: new Date().toISOString() } as const
      const canceled = await records.change(id, { status: openStatuses }, values)
      if (!canceled) throw refuse("it has just ended")
      runner.cancel(id)
      await queue.cancel(id)
      watchers.publish(toJob(canceled))
      return toJob(canceled)
    },

    async *events(id, viewer, { lastEventId, signal }) {
      const watch = watchers.watch(id, AbortSignal.any([signal, closing.signal]))
      try {
        let told = lastEventId
        let job: Job | undefined = toJob(await find(id, viewer))
        while (job) {
          const event: JobEvent = { id: toEventId(job), event: "job", data: job }
          if (event.id !== told) yield event
          told = event.id
          job = isFinal(job.status) ? undefined : await watch.next()
        }
      } finally {
        watch.close()
      }
    },

    async start() {
      await queue.start((id) => runner.work(id))
      await handOver.start()
    },

    async close({ grace_ms }) {
      handOver.close()
      await queue.close()
      await runner.stop(grace_ms)
      closing.abort()
    },
  }
}

export function toEventId(job: Job): string {
  return Bun.hash(JSON.stringify(job)).toString(36)
}
