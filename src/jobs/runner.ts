import type { Json, User } from "@pagoda/sdk"
import type { Log } from "../log.ts"
import { waitAtMost } from "../wait-at-most.ts"
import { findActor } from "./actor.ts"
import { toDelay } from "./backoff.ts"
import type { Enqueue } from "./enqueue.ts"
import type { JobMeter } from "./job-meter.ts"
import { createLocalRun, endIfCanceled, endRun, type LocalRun } from "./local-run.ts"
import type { Logs } from "./logs.ts"
import type { Operation, Operations } from "./operations.ts"
import { toParams } from "./params.ts"
import type { Try } from "./parts.ts"
import type { Queue } from "./queue/queue.ts"
import { createRecentUsers, type Users } from "./recent-users.ts"
import type { JobRow, NewJob, Records } from "./records.ts"
import { createReporter, type Report } from "./reporter.ts"
import type { Results } from "./results.ts"
import { type Outcome, runOperation } from "./run.ts"
import { toReason } from "./text.ts"
import type { Ending, Tries } from "./tries.ts"
import type { Watchers } from "./watchers.ts"

export type RunnerContext = {
  records: Records
  tries: Tries
  enqueue: Enqueue
  operations: Operations
  users: Users
  queue: Pick<Queue, "worker" | "inStatement" | "add">
  watchers: Pick<Watchers, "report">
  results: Results
  logs: Logs
  meter: Pick<JobMeter, "tried">
  log: Log
}

type Job = { operation: Operation; row: JobRow; user: User; params: Json }

const mostInterruptions = 25
/** Milliseconds. */
const afterInterruption = 1_000
const afterOther = 60_000
const lastWords = 1_000

/** Runs what the queue delivers. A row is written only by the try that it belongs to, and only while that try goes on. */
export class Runner {
  readonly #context: RunnerContext
  readonly #users: Users
  readonly #runs = new Map<number, LocalRun>()
  #stopping = false
  #handedBack = 0

  constructor(context: RunnerContext) {
    this.#context = context
    this.#users = createRecentUsers(context.users)
  }

  async work(id: number): Promise<void> {
    // It may have been canceled and wait again while its handler of before has not seen its signal yet.
    for (let before = this.#runs.get(id); before; before = this.#runs.get(id)) await before.over.promise
    if (this.#stopping) return
    const run = createLocalRun()
    // Before the first await: a cancel that comes while the row is claimed has to find it.
    this.#runs.set(id, run)
    try {
      await this.#begin(id, run)
    } finally {
      if (this.#runs.get(id) === run) this.#runs.delete(id)
      run.over.resolve()
    }
  }

  /** What a job that runs here reported last, which its row may not have yet. */
  latest(id: number): Report | undefined {
    return this.#runs.get(id)?.report
  }

  /** Fires the signal of a try that runs here. It may come late, when the job runs again already. */
  cancel({ id, attempts }: Try): void {
    const run = this.#runs.get(id)
    if (!run) return
    run.canceledTry = attempts
    endIfCanceled(run)
  }

  /** Cancels what runs here and is over by its row. */
  async lookAgain(): Promise<void> {
    const begun = [...this.#runs.values()].flatMap((run) => (run.row ? [{ run, row: run.row }] : []))
    if (begun.length === 0) return
    const going = await this.#context.records.running(begun.map(({ row }) => row.id))
    const tries = new Map(going.map(({ id, attempts }) => [id, attempts]))
    for (const { run, row } of begun) if (tries.get(row.id) !== row.attempts) endRun(run, "canceled")
  }

  /** Another process may begin what runs here. */
  letGo(): void {
    for (const run of this.#runs.values()) endRun(run, "stopping")
  }

  /** Lets what runs come to its end, then asks it to, then hands the rest back. */
  async stop(grace_ms: number): Promise<void> {
    this.#stopping = true
    const all = Promise.all([...this.#runs.values()].map((run) => run.over.promise))
    const patience = Math.min(lastWords, grace_ms / 2)
    await waitAtMost(grace_ms - patience, all)
    for (const run of this.#runs.values()) endRun(run, "stopping")
    await waitAtMost(patience, all)
    const left = [...this.#runs.values()]
    this.#runs.clear()
    for (const { row } of left) if (row) await this.#handBack(row)
    if (this.#handedBack > 0)
      this.#context.log.warn(`Handed back ${this.#handedBack} jobs that did not end within ${grace_ms} ms`)
  }

  async #begin(id: number, run: LocalRun): Promise<void> {
    const { tries, operations, queue } = this.#context
    const row = await tries.begin(id, { worker: queue.worker, operations: operations.numbers() })
    if (!row) return this.#miss(id)
    run.row = row
    endIfCanceled(run)
    const operation = operations.get(row.operation)
    if (operation?.plugin !== row.plugin) return this.#leaveWaiting(row, operation)
    if (row.interruptions > mostInterruptions) {
      return this.#refuse(row, `The process ended ${row.interruptions} times while it ran`)
    }
    const user = await findActor(this.#users, row, operation)
    if (!user?.is_active)
      return this.#refuse(row, `Its user "${row.username}" does not exist any more or is not active`)
    const params = readParams(operation, row)
    if (typeof params === "string") return this.#refuse(row, params)
    await this.#run(run, { operation, row, user, params: params.value })
  }

  async #run(run: LocalRun, job: Job): Promise<void> {
    const { watchers, results, logs, meter, log } = this.#context
    const { operation, row } = job
    const said = logs.of(row)
    const reporter = createReporter({
      first: row,
      onReport: (report) => {
        run.report = report
        watchers.report(row, report)
      },
      write: (report) => {
        this.#change(row, report).catch((error) => log.error(`The progress of job ${row.id} is not written`, { error }))
      },
    })
    let timer: ReturnType<typeof setTimeout> | undefined
    if (operation.timeout_ms !== undefined) timer = setTimeout(() => this.#timeOut(run, job), operation.timeout_ms)
    const { signal } = run.controller
    const progress = async (percent: number, message?: string) => reporter.report(percent, message)
    const warn = () => {
      run.isWarned = true
    }
    const began = performance.now()
    const outcome = await runOperation({ ...job, result: results.of(row), signal, progress, warn, log: said.write })
    clearTimeout(timer)
    meter.tried(row, outcome.kind, began)
    reporter.close()
    await said.close()
    // Handed back while it did not end: the row is another try's by now, or the database closed.
    if (this.#runs.get(row.id) === run) await this.#finish(run, job, outcome, reporter.latest)
  }

  async #finish(run: LocalRun, { operation, row }: Job, outcome: Outcome, report: Report): Promise<void> {
    const { log } = this.#context
    const name = `Job ${row.id} (${operation.name})`
    const about = { plugin: operation.plugin ?? undefined }
    if (outcome.kind === "aborted" && !outcome.settled)
      log.warn(`${name} ignores its signal: it may still be running`, about)
    if (run.ending === "canceled") return
    if (outcome.kind === "done") {
      const status = run.isWarned ? "warning" : "done"
      await this.#end(row, { ...report, ...outcome.result, status, progress: 100 })
    } else if (run.ending === "stopping") {
      await this.#handBack(row)
    } else if (run.ending === "timeout") {
      // nothing to do, unless it could not be written before
      await this.#endLate(operation, row, report)
    } else if (outcome.kind === "interrupted") {
      log.warn(`${name} was interrupted: ${outcome.reason}`, about)
      await this.#interrupt(row)
    } else if (outcome.kind === "failed") {
      log.error(`${name} failed`, { ...about, error: outcome.error })
      if (row.failures + 1 >= operation.attempts) operation.onFailure?.(outcome.error)
      await this.#fail(operation, row, outcome.reason, report)
    }
  }

  async #fail(operation: Operation, row: JobRow, error: string, report: Report): Promise<void> {
    const failures = row.failures + 1
    if (failures >= operation.attempts) {
      await this.#end(row, { ...report, status: "error", error, failures })
      return
    }
    const message = `Try ${failures} of ${operation.attempts} failed: ${error}`
    const run_after = this.#context.records.after(toDelay(operation.backoff, failures))
    await this.#again(row, { message, failures, run_after })
  }

  async #timeOut(run: LocalRun, { operation, row }: Job): Promise<void> {
    operation.onFailure?.(new Error(toLateness(operation)))
    await this.#endLate(operation, row, run.report).catch((error) =>
      this.#context.log.error(`The timeout of job ${row.id} is not written`, { error }),
    )
    // Only now: a handler that returns when it sees its signal would be written down as done.
    endRun(run, "timeout")
  }

  #endLate(operation: Operation, row: JobRow, report: Report | undefined): Promise<JobRow | undefined> {
    return this.#end(row, { ...report, status: "timeout", error: toLateness(operation) })
  }

  /** What is delivered may be over or begun; or it waits, and not for this process as it is now. */
  async #miss(id: number): Promise<void> {
    const { records, operations, queue } = this.#context
    const row = await records.find(id)
    // Begun here, where it does not run any more: how it ended could not be written.
    if (row?.status === "processing" && row.worker === queue.worker) return this.#interrupt(row)
    if (row?.status !== "preparing") return
    if (operations.get(row.operation))
      throw new Error(`Job ${id} waits and could not be begun: the other processes may take this one for dead`)
    const { operation, serial_key, priority } = row
    // Otherwise it is handed over again when its operation is back.
    if (queue.inStatement) await queue.add(id, { operation, key: serial_key ?? undefined, priority })
  }

  /** For its own plugin, as if it had never been begun: the number may be another one's by now. */
  async #leaveWaiting(row: JobRow, other: Operation | undefined): Promise<void> {
    const run_after = other && this.#context.records.after(afterOther)
    await this.#again(row, { attempts: row.attempts - 1, ...(run_after && { run_after }) })
  }

  async #refuse(row: JobRow, error: string): Promise<void> {
    const { now } = this.#context.records
    await this.#change(row, { status: "error", attempts: row.attempts - 1, error, finished_at: now })
  }

  /** It runs again in a moment, and not for ever. */
  async #interrupt(row: JobRow): Promise<void> {
    const run_after = this.#context.records.after(afterInterruption)
    await this.#again(row, { interruptions: row.interruptions + 1, run_after })
  }

  async #handBack(row: JobRow): Promise<void> {
    if (await this.#again(row, {})) this.#handedBack++
  }

  #again(row: JobRow, values: Partial<NewJob>): Promise<JobRow | undefined> {
    return this.#context.enqueue.again(row.id, { status: ["processing"], attempts: row.attempts }, values)
  }

  #end({ id, attempts, progress, message, failures }: JobRow, ending: Partial<Ending> & Pick<Ending, "status">) {
    const nothing = { text: null, parts: 0, content_type: null, file_name: null, error: null }
    return this.#context.tries.end({ id, attempts, progress, message, failures, ...nothing, ...ending })
  }

  #change(row: JobRow, values: Partial<NewJob>): Promise<JobRow | undefined> {
    return this.#context.records.change(row.id, { status: ["processing"], attempts: row.attempts }, values)
  }
}

function toLateness({ timeout_ms }: Operation): string {
  return `It did not end within ${timeout_ms} ms`
}

/** A plugin's newer version may want other params than the one that the job was made for. */
function readParams(operation: Operation, row: JobRow): { value: Json } | string {
  try {
    return { value: toParams(operation, row.params) }
  } catch (error) {
    return toReason(error)
  }
}
