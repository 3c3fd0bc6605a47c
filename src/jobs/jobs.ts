import type { Job, JobRequest, Json, User } from "@pagoda/sdk"
import type { Database } from "../db/database.ts"
import { PagodaError } from "../errors.ts"
import type { Log } from "../log.ts"
import { onDemand } from "../on-demand.ts"
import { type Undo, undoAll } from "../undo.ts"
import { type JobBacklog, readJobBacklog } from "./backlog.ts"
import { type Changes, createChanges } from "./changes.ts"
import { createDelivery, type Delivery } from "./delivery.ts"
import { type Download, openDownload } from "./download.ts"
import { checkFilter, type JobFilter } from "./filter.ts"
import {
  createJobEvents,
  type EventOptions,
  type JobEvent,
  type JobEventStart,
  type JobEvents,
  type ListEventOptions,
} from "./job-events.ts"
import { createJobMeter, type JobMeter, type OperationCalls } from "./job-meter.ts"
import type { JobLogLine } from "./logs.ts"
import { toNewJob } from "./new-job.ts"
import type { Operation, Operations } from "./operations.ts"
import { toParams } from "./params.ts"
import type { Queue } from "./queue/queue.ts"
import { finalStatuses, isFinal, type JobRow, openStatuses, toJob } from "./records.ts"
import { createRevisions, type Revisions } from "./revisions.ts"
import { createScheduler, type Scheduler } from "./scheduler.ts"
import { createSchedules, type Schedules } from "./schedules.ts"
import { createWatchers, type Watchers } from "./watchers.ts"

export type JobsContext = {
  database: Database
  operations: Operations
  queue: Queue
  users: { get(id: string): Promise<User | null> }
  log: Log
}

export type List<T> = { count: number; results: T[] }
export type ScheduleRequest = {
  operation: number
  /** Whose it is: nobody changes a schedule of somebody else's. */
  plugin: string | null
  /** Five fields in UTC; `null`: no more. */
  cron: string | null
  params?: Json | undefined
  user: Pick<User, "id" | "username">
}

export type JobNumbers = { operations: OperationCalls[]; waiting: JobBacklog[]; running: JobBacklog[] }

export type Jobs = {
  create(request: JobRequest & { user: User }): Promise<Job>
  get(id: number, viewer: User): Promise<Job>
  list(viewer: User, filter: JobFilter): Promise<List<Job>>
  /** @throws JOB_NOT_CANCELABLE */
  cancel(id: number, viewer: User): Promise<Job>
  /** One that has ended waits again, as if it never ran. @throws JOB_RUNS */
  rerun(id: number, viewer: User): Promise<Job>
  /** @throws JOB_NOT_DOWNLOADABLE, JOB_NOT_FINISHED, JOB_HAS_NO_RESULT */
  download(id: number, viewer: User): Promise<Download>
  /** Oldest first. */
  logs(id: number, viewer: User, page: { limit: number; offset: number }): Promise<List<JobLogLine>>
  /** Begins with the present state, ends after the final one, when the signal fires, or when the jobs close. */
  events(id: number, viewer: User, options: EventOptions): AsyncIterable<JobEvent>
  /** `true`: it has ended, and who has seen this event has seen its end. */
  isOver(id: number, viewer: User, lastEventId: string | undefined): Promise<boolean>
  /** Of one's own jobs, or of all for an admin who asks for them: what changes from now on, or since an event. */
  allEvents(viewer: User, options: ListEventOptions): AsyncIterable<JobEvent | JobEventStart>
  /** Makes the same jobs again and again, of the operation with these params. @throws SCHEDULE_INVALID */
  schedule(request: ScheduleRequest): Promise<void>
  /** What became of jobs in this process, and what waits and runs in all of them. */
  measure(): Promise<JobNumbers>
  /** Opens the queue and hands over every job that waits or that a crash left behind. */
  start(): Promise<void>
  /** What runs may end within the grace time, is then told to, and is then handed back. */
  close(options: { grace_ms: number }): Promise<void>
}

type Parts = {
  readonly revisions: Revisions
  readonly changes: Changes
  readonly watchers: Watchers
  readonly meter: JobMeter
  readonly delivery: Delivery
  readonly schedules: Schedules
  readonly scheduler: Scheduler
  readonly events: JobEvents
}

/** The `job` table is the truth; the queue only delivers. */
export function openJobs({ database, operations, queue, users, log }: JobsContext): Jobs {
  const undos: Undo[] = []
  const parts: Parts = onDemand<Parts>({
    revisions: () => createRevisions(database),
    changes: () => createChanges(database),
    watchers: () => createWatchers({ changes: parts.changes, revisions: parts.revisions, latest }),
    meter: () => {
      const meter = createJobMeter()
      undos.push(parts.revisions.onWrite(meter.wrote))
      return meter
    },
    delivery: () => {
      const { revisions, watchers, meter } = parts
      return createDelivery({ database, revisions, operations, queue, users, watchers, meter, log })
    },
    schedules: () => createSchedules(database),
    scheduler: () => {
      const { schedules, delivery } = parts
      return createScheduler({ schedules, operations, enqueue: delivery.enqueue, log })
    },
    events: () => createJobEvents({ watchers: parts.watchers, changes: parts.changes }),
  })
  const latest = (id: number) => parts.delivery.latest(id)

  const find = async (id: number, viewer: User): Promise<JobRow> => {
    const row = Number.isSafeInteger(id) ? await parts.delivery.records.find(id) : undefined
    if (row && (row.user_id === viewer.id || viewer.is_admin)) return row
    throw new PagodaError("NOT_FOUND", `There is no job ${id}`)
  }
  const findOperation = (number: number): Operation => {
    const operation = operations.get(number)
    if (operation) return operation
    throw new PagodaError("NOT_FOUND", `There is no job operation ${number}`)
  }

  return {
    async create({ operation: number, params, target, user }) {
      const operation = findOperation(number)
      const row = toNewJob(operation, { params: toParams(operation, params), target, user })
      return toJob(await parts.delivery.enqueue.add(row))
    },

    async get(id, viewer) {
      return toJob(await find(id, viewer))
    },

    async list(viewer, filter) {
      checkFilter(filter)
      const { all_users, hidden, limit, offset, ...rest } = filter
      const user_id = all_users && viewer.is_admin ? undefined : viewer.id
      const { count, rows } = await parts.delivery.records.page(
        { ...rest, user_id, hidden: hidden ? undefined : false },
        limit,
        offset,
      )
      return { count, results: rows.map(toJob) }
    },

    async cancel(id, viewer) {
      const row = await find(id, viewer)
      const refuse = (problem: string) => new PagodaError("JOB_NOT_CANCELABLE", `Cannot cancel job ${id}: ${problem}`)
      if (isFinal(row.status)) throw refuse(`it is "${row.status}"`)
      if (!row.cancelable) throw refuse(`its operation ${row.operation_name} is not cancelable`)
      const { delivery } = parts
      const values = { ...latest(id), status: "canceled", finished_at: delivery.records.now } as const
      const canceled = await delivery.records.change(id, { status: openStatuses }, values)
      if (!canceled) throw refuse("it has just ended")
      await delivery.canceled(canceled)
      return toJob(canceled)
    },

    async rerun(id, viewer) {
      const row = await find(id, viewer)
      // the number of the try goes on, so that one which ignores its signal writes nothing any more
      const { enqueue } = parts.delivery
      const again = isFinal(row.status) ? await enqueue.again(id, { status: finalStatuses }, asNew) : undefined
      if (again) return toJob(again)
      const { status } = await find(id, viewer)
      throw new PagodaError("JOB_RUNS", `Cannot run job ${id} again: it is "${status}", wanted one that has ended`)
    },

    async download(id, viewer) {
      return openDownload(await find(id, viewer), parts.delivery.parts)
    },

    async logs(id, viewer, { limit, offset }) {
      return parts.delivery.logs.list((await find(id, viewer)).id, limit, offset)
    },

    async *events(id, viewer, options) {
      yield* parts.events.one(await find(id, viewer), options)
    },

    async isOver(id, viewer, lastEventId) {
      return parts.events.isOver(await find(id, viewer), lastEventId)
    },

    allEvents: (viewer, options) => parts.events.all(viewer, options),

    async schedule({ operation: number, plugin, cron, params = {}, user }) {
      if (cron === null) return parts.schedules.remove({ operation: number, plugin, params })
      const operation = findOperation(number)
      if (operation.plugin !== plugin) throw new PagodaError("NOT_FOUND", `There is no job operation ${number} of it`)
      toParams(operation, params)
      await parts.schedules.set({ operation: number, plugin, cron, params, user })
    },

    async measure() {
      const waiting = await readJobBacklog(database, "preparing")
      const running = await readJobBacklog(database, "processing")
      return { operations: [...parts.meter.all()], waiting, running }
    },

    async start() {
      await parts.delivery.start()
      parts.scheduler.start()
    },

    async close(options) {
      await parts.scheduler.close()
      await parts.delivery.close(options)
      await parts.watchers.close()
      await undoAll(undos)
    },
  }
}

const asNew = {
  progress: 0,
  message: "",
  text: null,
  error: null,
  failures: 0,
  interruptions: 0,
  content_type: null,
  file_name: null,
  parts: 0,
  run_after: null,
  started_at: null,
  finished_at: null,
  expires_at: null,
}
