import type { QueueManager } from "bunqueue/queue"
import type { Log } from "../../log.ts"
import type { Undo } from "../../undo.ts"
import { createBatches } from "../batches.ts"
import { createLines } from "./lines.ts"
import type { DeliveryOptions, Queue, Receiver } from "./queue.ts"

export type SqliteQueueOptions = { concurrency?: number; log: Log }

/**
 * bunqueue in this process. It keeps no file: the rows are its journal, handed over again at each start, and writing both
 * takes most of a job's time. Loaded for the first id: a host that has no jobs does without it.
 */
export function createSqliteQueue(options: SqliteQueueOptions): Queue {
  return new SqliteQueue(options)
}

const name = "jobs"
const retryDelay = 1_000
const pullTimeout = 60_000
const mostAtOnce = 50

type Again = Omit<DeliveryOptions, "operation">
type Pulled = NonNullable<Awaited<ReturnType<QueueManager["pull"]>>>

type Acknowledge = (id: Pulled["id"]) => Promise<unknown>

function toKey({ data }: Pulled): string | undefined {
  return typeof data === "string" ? data : undefined
}

// bunqueue's own client keeps one queue a process, polls, and takes a file's name from the environment: its manager does not.
class SqliteQueue implements Queue {
  readonly worker = null
  readonly inStatement = undefined
  readonly #options: SqliteQueueOptions
  readonly #closing = new AbortController()
  /** Ids whose work runs, with what to deliver afterwards. */
  readonly #working = new Map<string, Again | null>()
  readonly #acknowledging = new Set<Promise<void>>()
  /** Those of a key wait here, fetched, for the one before: without a process that is where the next one finds them. */
  readonly #lines = createLines<Pulled>(toKey)
  readonly #fetched: Pulled[] = []
  #fetching: Promise<void> | undefined
  #idle = 0
  #receiver: Receiver | undefined
  #opening: Promise<QueueManager> | undefined

  constructor(options: SqliteQueueOptions) {
    this.#options = options
  }

  async ready(): Promise<void> {}

  /** One process has the queue, and whoever adds knows what that serves. */
  serve(): Undo {
    return () => {}
  }

  /** What ran in the process before this one runs no more. */
  async start(receiver: Receiver): Promise<void> {
    await receiver.reclaim()
    this.#receiver = receiver
  }

  async add(id: number, options: DeliveryOptions): Promise<void> {
    const key = String(id)
    if (this.#working.has(key)) this.#working.set(key, options)
    else if (!this.#lines.waits(key)) await this.#push(key, options)
  }

  async cancel(id: number): Promise<void> {
    if (this.#working.has(String(id)) || this.#lines.waits(String(id))) return
    const manager = await this.#opening
    await manager?.cancel(String(id) as Pulled["id"])
  }

  pause(): void {
    this.#closing.abort()
  }

  async close(): Promise<void> {
    this.pause()
    await Promise.allSettled(this.#acknowledging)
    const manager = await this.#opening?.catch(() => undefined)
    this.#opening = undefined
    manager?.shutdown()
  }

  /** What failed to load is tried again with the next id. */
  #open(receiver: Receiver): Promise<QueueManager> {
    this.#opening ??= this.#load(receiver).catch((error) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #load(receiver: Receiver): Promise<QueueManager> {
    const { QueueManager } = await import("bunqueue/queue")
    const manager = new QueueManager({ maxQueueEvents: 0, maxMetricDataPoints: 0 })
    // Work in this process cannot get lost without the process.
    manager.setStallConfig(name, { enabled: false, maxStalls: 0 })
    const acknowledge: Acknowledge = createBatches(async (ids: Pulled["id"][]) => {
      await manager.ackBatch(ids)
      return ids
    }, mostAtOnce)
    const { concurrency = 10 } = this.#options
    for (let lane = 0; lane < concurrency; lane++) void this.#deliver(manager, receiver, acknowledge)
    return manager
  }

  async #push(id: string, { key, delay_ms, priority = 0 }: Again): Promise<void> {
    if (!this.#receiver || this.#closing.signal.aborted) return
    const manager = await this.#open(this.#receiver)
    await manager.push(name, {
      // not its groups: those wait for all that is in none, and count priorities the other way round
      data: key ?? null,
      customId: id,
      delay: delay_ms,
      // bunqueue's higher ones come first
      priority: -priority,
      removeOnComplete: true,
      maxAttempts: 1_000_000,
      backoff: 0,
    })
  }

  async #deliver(manager: QueueManager, receiver: Receiver, acknowledge: Acknowledge): Promise<void> {
    const { signal } = this.#closing
    let isLinesTurn = true
    while (!signal.aborted) {
      try {
        // By turns: neither ids with a key nor those without one wait for all of the others.
        // While it is waited for one without a key there is none.
        const first = isLinesTurn || this.#fetching ? this.#lines.next() : undefined
        isLinesTurn = !isLinesTurn
        const delivery = first ?? (await this.#pull(manager)) ?? this.#lines.next()
        if (delivery) await this.#work(delivery, receiver, acknowledge)
      } catch (error) {
        this.#options.log.error("The queue of jobs cannot be used; trying again", { error })
        await new Promise((resolve) => setTimeout(resolve, retryDelay))
      }
    }
  }

  /** One that can be worked on now. */
  async #pull(manager: QueueManager): Promise<Pulled | undefined> {
    this.#idle++
    try {
      this.#fetching ??= this.#fetch(manager)
      await this.#fetching
    } finally {
      this.#idle--
    }
    const delivery = this.#fetched.shift()
    return delivery && this.#lines.enter(delivery) ? delivery : undefined
  }

  /** For all who wait, at once; not more, because what comes meanwhile may have to come first. */
  async #fetch(manager: QueueManager): Promise<void> {
    try {
      await Promise.resolve()
      const patience = this.#lines.isReady ? 0 : pullTimeout
      const { signal } = this.#closing
      this.#fetched.push(...(await manager.pullBatch(name, this.#idle - this.#fetched.length, patience, signal)))
    } finally {
      this.#fetching = undefined
    }
  }

  async #work(delivery: Pulled, receiver: Receiver, acknowledge: Acknowledge): Promise<void> {
    this.#working.set(delivery.id, null)
    try {
      await receiver.work(Number(delivery.id))
    } catch (error) {
      this.#options.log.error(`Job ${delivery.id} could not be worked on; trying again`, { error })
      const again = { key: toKey(delivery), delay_ms: retryDelay, priority: -delivery.priority }
      this.#working.set(delivery.id, again)
    }
    if (this.#closing.signal.aborted) return
    const acknowledged = this.#acknowledge(delivery.id, acknowledge)
    this.#acknowledging.add(acknowledged)
    await acknowledged.finally(() => {
      this.#acknowledging.delete(acknowledged)
      this.#lines.leave(delivery)
    })
  }

  async #acknowledge(id: Pulled["id"], acknowledge: Acknowledge): Promise<void> {
    try {
      await acknowledge(id)
    } finally {
      const again = this.#working.get(id)
      this.#working.delete(id)
      if (again) await this.#push(id, again)
    }
  }
}
