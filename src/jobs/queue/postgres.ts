import { EventEmitter } from "node:events"
import type { Runner, Task, TaskList, WorkerEvents } from "graphile-worker"
import type { Database } from "../../db/database.ts"
import { toMessage } from "../../errors.ts"
import { lazily } from "../../lazily.ts"
import type { Log } from "../../log.ts"
import type { Undo } from "../../undo.ts"
import { waitAtMost } from "../../wait-at-most.ts"
import { createDeliveries, type Deliveries } from "./deliveries.ts"
import { createHeartbeat, type Heartbeat } from "./heartbeat.ts"
import type { DeliveryOptions, InStatement, Queue, Receiver } from "./queue.ts"

export type PostgresQueueOptions = { url: string; database: Database; concurrency?: number; log: Log }

/** graphile-worker in this process, in a schema of its own in the same database, shared by all who have that open. */
export function createPostgresQueue(options: PostgresQueueOptions): Queue {
  return new PostgresQueue(options)
}

/** Milliseconds. */
const times = { poll: 1_000, hold: 100, restart: 500, stop: 2_000 }
/** Once a job of a key has ended, the next one can be fetched when graphile-worker has written that down, which it does not tell. */
const nudges = [3, 15, 60]
/** One listens, one fetches, two write down what has ended. */
const connections = 4
/** Beats from one clearing to the next. */
const clearEvery = 5

type Pool = { id: string; _active: boolean; nudge(count: number): void }

class PostgresQueue implements Queue {
  readonly inStatement: InStatement
  readonly ready: () => Promise<void>
  readonly #options: PostgresQueueOptions
  readonly #deliveries: Deliveries
  readonly #heartbeat: Heartbeat
  readonly #closed = Promise.withResolvers<void>()
  /** Deliveries whose work runs. */
  readonly #held = new Set<string>()
  /** Read again at every fetch; it must not be empty. */
  readonly #tasks: TaskList = { "pagoda:none": () => {} }
  #receiver: Receiver | undefined
  #runner: Runner | undefined
  #pool: Pool | undefined
  #isPaused = false
  #beats = 0

  constructor(options: PostgresQueueOptions) {
    this.#options = options
    this.#deliveries = createDeliveries(options.database)
    this.inStatement = this.#deliveries.inStatement
    const prepare = lazily(() => this.#prepare())
    this.ready = async () => prepare()
    this.#heartbeat = createHeartbeat({
      database: options.database,
      onLost: () => this.#letGo(),
      onBeat: () => this.#lookAfterOthers(),
      log: options.log,
    })
  }

  get worker(): string {
    return this.#heartbeat.id
  }

  async add(id: number, options: DeliveryOptions): Promise<void> {
    await this.ready()
    await this.#deliveries.add(id, options)
  }

  serve(operation: number): Undo {
    const name = toTaskName(operation)
    const value: Task = (payload, { job }) => this.#work(job.id, Number((payload as { id: unknown }).id))
    Object.defineProperty(this.#tasks, name, { value, enumerable: true, configurable: true })
    this.#nudge()
    // Not deleted: what was fetched already is still to find it.
    return () => Object.defineProperty(this.#tasks, name, { value, enumerable: false, configurable: true })
  }

  async start(receiver: Receiver): Promise<void> {
    this.#receiver = receiver
    await this.ready()
    await this.#heartbeat.start()
    const reclaimed = await receiver.reclaim()
    if (reclaimed > 0) this.#options.log.info(`${reclaimed} jobs of processes that are gone wait again`)
    await this.#deliveries.repair()
    await this.#run()
  }

  async cancel(id: number): Promise<void> {
    await this.ready()
    await this.#deliveries.remove(id)
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#runner?.stop().catch((error) => this.#options.log.warn(`The queue did not stop cleanly: ${toMessage(error)}`))
  }

  async close(): Promise<void> {
    this.pause()
    this.#closed.resolve()
    await waitAtMost(
      times.stop,
      this.#runner?.promise.catch(() => {}),
    )
    this.#heartbeat.stop()
    if (!this.#receiver) return
    try {
      await this.#deliveries.giveUp([this.worker], this.#receiver.reclaim)
    } catch (error) {
      this.#options.log.warn(`The other processes take over in a while what this one held: ${toMessage(error)}`)
    }
  }

  async #prepare(): Promise<void> {
    const { runMigrations } = await import("graphile-worker")
    await runMigrations(await this.#toOptions())
  }

  /** Until it is paused: it ends by itself when the database was away for a while. */
  async #run(): Promise<void> {
    const { run } = await import("graphile-worker")
    const events = new EventEmitter()
    let mine: Pool | undefined
    events.on("pool:create", ({ ctx, workerPool }: { ctx: { pgPool?: EventEmitter }; workerPool: Pool }) => {
      // One name for what this process holds, whichever pool it was fetched by.
      workerPool.id = this.worker
      mine = workerPool
      // It listens no more while its connections end, and one that breaks then would be nobody's.
      ctx.pgPool?.on("error", () => {})
    })
    // The database gives them in any order.
    events.on("localQueue:getJobs:complete", ({ jobs }: { jobs: Fetched[] }) => jobs.sort(byPriority))
    events.on("job:complete", ({ job }: { job: { job_queue_id: number | null } }) => {
      if (job.job_queue_id !== null) for (const wait of nudges) setTimeout(() => this.#nudge(), wait)
    })
    const { concurrency = 10 } = this.#options
    this.#runner = await run({
      ...(await this.#toOptions()),
      events: events as WorkerEvents,
      taskList: this.#tasks,
      concurrency,
      maxPoolSize: connections,
      pollInterval: times.poll,
      noHandleSignals: true,
      parsedCronItems: [],
      preset: {
        worker: {
          // Otherwise one that ends while it stops stays locked.
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          // Many at once, but none is kept from the other processes for long.
          ...(concurrency > 1 && { localQueue: { size: 2 * concurrency, ttl: times.hold } }),
        },
      },
    })
    this.#pool = mine
    const ended = () => this.#restart()
    this.#runner.promise.then(ended, ended)
  }

  async #restart(): Promise<void> {
    while (!this.#isPaused) {
      await new Promise((resolve) => setTimeout(resolve, times.restart))
      try {
        await this.#deliveries.free([this.worker], [...this.#held])
        if (!this.#isPaused) await this.#run()
        return
      } catch (error) {
        this.#options.log.warn(`The queue of jobs cannot be used; trying again: ${toMessage(error)}`)
      }
    }
  }

  async #work(delivery: string, id: number): Promise<void> {
    const { log } = this.#options
    const pool = this.#pool
    this.#held.add(delivery)
    try {
      await Promise.race([this.#receiver?.work(id), this.#closed.promise])
    } catch (error) {
      log.error(`Job ${id} could not be worked on; trying again`, { error })
      throw new Error("see the log", { cause: error })
    } finally {
      this.#held.delete(delivery)
      // Nobody writes down any more that it has ended.
      if (pool !== this.#pool) this.#deliveries.free([this.worker], [...this.#held]).catch(() => {})
    }
  }

  #letGo(): void {
    if (this.#pool) this.#pool.id = this.worker
    this.#receiver?.letGo()
  }

  async #lookAfterOthers(): Promise<void> {
    const { log } = this.#options
    if (!this.#receiver) return
    const { processes, jobs } = await this.#deliveries.takeOver(this.#receiver.reclaim)
    if (processes + jobs > 0) log.warn(`Took over ${jobs} jobs of ${processes} processes that are gone`)
    if (++this.#beats % clearEvery > 0) return
    await this.#deliveries.clear().catch((error) => log.debug(`Keys without jobs stay for now: ${toMessage(error)}`))
  }

  #nudge(): void {
    if (this.#pool?._active) this.#pool.nudge(1)
  }

  async #toOptions() {
    const { Logger } = await import("graphile-worker")
    const { url: connectionString, log } = this.#options
    const logger = new Logger(() => (level, message) => {
      if (level !== "error") return
      log.debug(`The queue of jobs: ${message}`)
      this.#askAgain()
    })
    return { connectionString, logger }
  }

  /** It keeps the answer to which tasks there are, a failure too, for as long as their names are the same. */
  #askAgain(): void {
    const other = "pagoda:again"
    if (!(other in this.#tasks)) this.#tasks[other] = () => {}
    else delete this.#tasks[other]
  }
}

type Fetched = { id: string; priority: number; run_at: Date }

function byPriority(one: Fetched, other: Fetched): number {
  return (
    one.priority - other.priority || one.run_at.getTime() - other.run_at.getTime() || Number(one.id) - Number(other.id)
  )
}

function toTaskName(operation: number): string {
  return `job_${operation}`
}
