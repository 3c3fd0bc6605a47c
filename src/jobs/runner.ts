import type { Json, User } from "@pagoda/sdk"
import type { Log } from "../log.ts"
import type { Operation, Operations } from "./operations.ts"
import { toParams } from "./params.ts"
import type { Queue } from "./queue/queue.ts"
import { isFinal, type JobRow, type NewJob, type Records, toJob } from "./records.ts"
import { createReporter, type Report } from "./reporter.ts"
import { type Outcome, runOperation } from "./run.ts"
import { toReason } from "./text.ts"
import type { Watchers } from "./watchers.ts"

export type RunnerContext = {
  records: Records
  operations: Operations
  users: { get(id: string): Promise<User | null> }
  queue: Queue
  watchers: Watchers
  log: Log
}

type Ending = "canceled" | "timeout" | "stopping"
type Run = {
  readonly controller: AbortController
  readonly over: PromiseWithResolvers<void>
  ending?: Ending
  report?: Report
}

const mostInterruptions = 25
const firstDelay = 1_000
const longestDelay = 3_600_000
const lastWords = 1_000

/** Runs what the queue delivers. A row is written only by the try that it belongs to, and only while that try goes on. */
export class Runner {
  readonly #context: RunnerContext
  readonly #runs = new Map<number, Run>()
  #stopping = false

  constructor(context: RunnerContext) {
    this.#context = context
  }

  async work(id: number): Promise<void> {
    if (this.#stopping || this.#runs.has(id)) return
    const run: Run = { controller: new AbortController(), over: Promise.withResolvers() }
    // Before the first await: a cancel that comes while the row is claimed has to find it.
    this.#runs.set(id, run)
    try {
      await this.#begin(id, run)
    } finally {
      this.#runs.delete(id)
      run.over.resolve()
    }
  }

  /** What a job that runs here reported last, which its row may not have yet. */
  latest(id: number): Report | undefined {
    return this.#runs.get(id)?.report
  }

  /** Fires the signal of a job that runs here. */
  cancel(id: number): void {
    const run = this.#runs.get(id)
    if (run) end(run, "canceled")
  }

  /** Lets what runs come to its end, then asks it to, then hands the rest back. */
  async stop(grace_ms: number): Promise<void> {
    this.#stopping = true
    const all = Promise.all([...this.#runs.values()].map((run) => run.over.promise))
    const patience = Math.min(lastWords, grace_ms / 2)
    await within(all, grace_ms - patience)
    for (const run of this.#runs.values()) end(run, "stopping")
    await within(all, patience)
    const left = [...this.#runs.keys()]
    this.#runs.clear()
    for (const id of left) await this.#handBack(id)
    if (left.length > 0)
      this.#context.log.warn(`Handed back ${left.length} jobs that did not end in ${grace_ms} ms`, { jobs: left })
  }

  async #begin(id: number, run: Run): Promise<void> {
    const { records, operations, users } = this.#context
    const row = await records.find(id)
    if (!row || isFinal(row.status)) return
    const interruptions = row.interruptions + (row.status === "processing" ? 1 : 0)
    const operation = operations.get(row.operation)
    if (!operation) {
      if (row.status === "processing") await this.#change(row, { status: "preparing", interruptions })
      return
    }
    if (interruptions > mostInterruptions) {
      return this.#refuse(row, `The process ended ${interruptions} times while it ran`)
    }
    const user = await users.get(row.user_id)
    if (!user?.is_active)
      return this.#refuse(row, `Its user "${row.username}" does not exist any more or is not active`)
    const params = readParams(operation, row)
    if (typeof params === "string") return this.#refuse(row, params)

    const values = { attempts: row.attempts + 1, interruptions, progress: 0, message: "", error: null }
    const claimed = await this.#change(row, { ...values, status: "processing", started_at: now(), run_after: null })
    if (claimed) await this.#run(run, { operation, row: claimed, user, params: params.value })
  }

  async #run(run: Run, job: { operation: Operation; row: JobRow; user: User; params: Json }): Promise<void> {
    const { watchers, log } = this.#context
    const { operation, row } = job
    const reporter = createReporter({
      first: row,
      onReport: (report) => {
        run.report = report
        watchers.publish({ ...toJob(row), ...report })
      },
      write: (report) => {
        this.#change(row, report, { quiet: true }).catch((error) =>
          log.error(`The progress of job ${row.id} is not written`, { error }),
        )
      },
    })
    let timer: ReturnType<typeof setTimeout> | undefined
    if (operation.timeout_ms !== undefined) timer = setTimeout(() => this.#timeOut(run, job), operation.timeout_ms)
    const { signal } = run.controller
    const progress = async (percent: number, message?: string) => reporter.report(percent, message)
    const outcome = await runOperation({ ...job, signal, progress })
    clearTimeout(timer)
    reporter.close()
    // Handed back while it did not end: the row is another try's by now, or the database closed.
    if (this.#runs.get(row.id) === run) await this.#finish(run, operation, row, outcome, reporter.latest)
  }

  async #finish(run: Run, operation: Operation, row: JobRow, outcome: Outcome, report: Report): Promise<void> {
    const { log } = this.#context
    const name = `Job ${row.id} (${operation.name})`
    const about = { plugin: operation.plugin ?? undefined }
    if (outcome.kind === "aborted" && !outcome.settled)
      log.warn(`${name} ignores its signal: it may still be running`, about)
    if (outcome.kind === "done") {
      await this.#change(row, { ...report, status: "done", progress: 100, text: outcome.text, finished_at: now() })
    } else if (run.ending === "stopping") {
      await this.#handBack(row.id)
    } else if (outcome.kind === "failed") {
      log.error(`${name} failed`, { ...about, error: outcome.error })
      await this.#fail(operation, row, outcome.reason, report)
    }
  }

  async #fail(operation: Operation, row: JobRow, reason: string, report: Report): Promise<void> {
    const failures = row.failures + 1
    if (failures >= operation.attempts) {
      await this.#change(row, { ...report, status: "error", error: reason, failures, finished_at: now() })
      return
    }
    const delay_ms = Math.min(longestDelay, firstDelay * 2 ** (failures - 1))
    const message = `Try ${failures} of ${operation.attempts} failed: ${reason}`
    const run_after = new Date(Date.now() + delay_ms).toISOString()
    const waiting = await this.#change(row, { status: "preparing", message, failures, run_after })
    if (waiting) await this.#context.queue.add(row.id, { key: row.serial_key ?? undefined, delay_ms })
  }

  async #timeOut(run: Run, { operation, row }: { operation: Operation; row: JobRow }): Promise<void> {
    const { log } = this.#context
    const error = `It did not end within ${operation.timeout_ms} ms`
    const values: Partial<NewJob> = { ...run.report, status: "timeout", error, finished_at: now() }
    await this.#change(row, values).catch((error) =>
      log.error(`The timeout of job ${row.id} is not written`, { error }),
    )
    // Only now: a handler that returns when it sees its signal would be written down as done.
    end(run, "timeout")
  }

  async #refuse(row: JobRow, error: string): Promise<void> {
    await this.#change(row, { status: "error", error, finished_at: now() })
  }

  async #handBack(id: number): Promise<void> {
    const row = await this.#context.records.change(id, { status: ["processing"] }, { status: "preparing" })
    if (row) this.#context.watchers.publish(toJob(row))
  }

  async #change(row: JobRow, values: Partial<NewJob>, { quiet = false } = {}): Promise<JobRow | undefined> {
    const changed = await this.#context.records.change(row.id, { status: [row.status], attempts: row.attempts }, values)
    if (changed && !quiet) this.#context.watchers.publish(toJob(changed))
    return changed
  }
}

function end(run: Run, ending: Ending): void {
  run.ending ??= ending
  const name = run.ending === "timeout" ? "TimeoutError" : "AbortError"
  run.controller.abort(new DOMException(`The job is ${run.ending}`, name))
}

/** A plugin's newer version may want other params than the one that the job was made for. */
function readParams(operation: Operation, row: JobRow): { value: Json } | string {
  try {
    return { value: toParams(operation, row.params) }
  } catch (error) {
    return toReason(error)
  }
}

function now(): string {
  return new Date().toISOString()
}

async function within(work: Promise<unknown>, milliseconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, milliseconds)
  await Promise.race([work, promise])
  clearTimeout(timer)
}
