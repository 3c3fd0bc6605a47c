import { rm } from "node:fs/promises"
import type { QueueManager } from "bunqueue/queue"
import type { Log } from "../../log.ts"
import type { DeliveryOptions, Queue, Work } from "./queue.ts"

export type SqliteQueueOptions = { file: string; concurrency?: number; log: Log }

/** bunqueue in this process, on a file of its own. Opened for the first id: a host that has no jobs does without it. */
export function createSqliteQueue(options: SqliteQueueOptions): Queue {
  return new SqliteQueue(options)
}

const name = "jobs"
const retryDelay = 1_000
const pullTimeout = 60_000
const damages = new Set<unknown>(["SQLITE_NOTADB", "SQLITE_CORRUPT"])

type Pulled = NonNullable<Awaited<ReturnType<QueueManager["pull"]>>>

// bunqueue's own client keeps one queue a process, polls, and takes its file's name from the environment: its manager does not.
class SqliteQueue implements Queue {
  readonly #options: SqliteQueueOptions
  readonly #closing = new AbortController()
  /** Ids whose work runs, with what to deliver afterwards. */
  readonly #working = new Map<string, DeliveryOptions | null>()
  readonly #acknowledging = new Set<Promise<void>>()
  #deliverTo: Work | undefined
  #opening: Promise<QueueManager> | undefined

  constructor(options: SqliteQueueOptions) {
    this.#options = options
  }

  async start(work: Work): Promise<void> {
    this.#deliverTo = work
  }

  async add(id: number, options: DeliveryOptions = {}): Promise<void> {
    const key = String(id)
    if (this.#working.has(key)) this.#working.set(key, options)
    else await this.#push(key, options)
  }

  async cancel(id: number): Promise<void> {
    if (this.#working.has(String(id))) return
    const manager = await this.#opening
    await manager?.cancel(String(id) as Pulled["id"])
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#acknowledging)
    const manager = await this.#opening?.catch(() => undefined)
    manager?.shutdown()
  }

  /** What failed to open is tried again with the next id. */
  #open(work: Work): Promise<QueueManager> {
    this.#opening ??= this.#load(work).catch((error) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #load(work: Work): Promise<QueueManager> {
    const { QueueManager } = await import("bunqueue/queue")
    const manager = await this.#openFile(QueueManager)
    // Work in this process cannot get lost without the process, and a kept limit would drop what was killed three times.
    manager.setStallConfig(name, { enabled: false, maxStalls: 0 })
    for (let lane = 0; lane < (this.#options.concurrency ?? 10); lane++) void this.#deliver(manager, work)
    return manager
  }

  async #openFile(Manager: typeof QueueManager): Promise<QueueManager> {
    const { file, log } = this.#options
    const open = () => new Manager({ dataPath: file, maxQueueEvents: 0, maxMetricDataPoints: 0 })
    try {
      return open()
    } catch (error) {
      if (!damages.has((error as { code?: unknown }).code)) throw error
      log.warn(`The queue's file "${file}" is damaged: starting with a new one, jobs are handed over again`, { error })
      for (const suffix of ["", "-wal", "-shm"]) await rm(file + suffix, { force: true })
      return open()
    }
  }

  async #push(id: string, { key, delay_ms }: DeliveryOptions): Promise<void> {
    if (!this.#deliverTo || this.#closing.signal.aborted) return
    const manager = await this.#open(this.#deliverTo)
    await manager.push(name, {
      data: null,
      customId: id,
      groupId: key,
      delay: delay_ms,
      durable: true,
      removeOnComplete: true,
      maxAttempts: 1_000_000,
      backoff: 0,
    })
  }

  async #deliver(manager: QueueManager, work: Work): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        const delivery = await manager.pull(name, pullTimeout, signal, { concurrency: 1 })
        if (delivery) await this.#work(manager, delivery, work)
      } catch (error) {
        this.#options.log.error("The queue of jobs cannot be used; trying again", { error })
        await new Promise((resolve) => setTimeout(resolve, retryDelay))
      }
    }
  }

  async #work(manager: QueueManager, delivery: Pulled, work: Work): Promise<void> {
    this.#working.set(delivery.id, null)
    try {
      await work(Number(delivery.id))
    } catch (error) {
      this.#options.log.error(`Job ${delivery.id} could not be worked on; trying again`, { error })
      this.#working.set(delivery.id, { key: delivery.groupId ?? undefined, delay_ms: retryDelay })
    }
    // Not acknowledged, it is delivered by the next process as well: that costs it a look at a row.
    if (this.#closing.signal.aborted) return
    const acknowledged = this.#acknowledge(manager, delivery.id)
    this.#acknowledging.add(acknowledged)
    await acknowledged.finally(() => this.#acknowledging.delete(acknowledged))
  }

  async #acknowledge(manager: QueueManager, id: Pulled["id"]): Promise<void> {
    try {
      await manager.ack(id, undefined, undefined, { removeOnComplete: true })
    } finally {
      const again = this.#working.get(id)
      this.#working.delete(id)
      if (again) await this.#push(id, again)
    }
  }
}
