import { eq, lt, type SQL, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { toMessage } from "../../errors.ts"
import type { Log } from "../../log.ts"

/** Milliseconds. A process that is killed just after a beat has its jobs back after `dead` and two of the others' beats. */
const times = { beat: 3_000, dead: 10_000, giveUp: 8_000 }

/** That this process lives, said to the others by the database's clock. */
export type Heartbeat = {
  /** Another one each time that the others may have taken this process for dead. */
  readonly id: string
  start(): Promise<void>
  stop(): void
}

export type HeartbeatOptions = {
  database: Database
  /** The others may take, or have taken, what this process runs: it has to let go of it. */
  onLost(): void
  /** After each beat that came in time, and so after everyone who lives could have had one. */
  onBeat(): Promise<void>
  log: Log
}

export function createHeartbeat({ database, onLost, onBeat, log }: HeartbeatOptions): Heartbeat {
  const { db, tables } = database
  const { job_worker: worker } = tables
  let id = toId()
  let timer: Timer | undefined
  let isBeating = false
  let isKnown = false
  /** When the last beat that arrived was sent. By this process's own clock, which may be set but runs. */
  let last = performance.now()

  const lose = () => {
    const lost = id
    id = toId()
    isKnown = false
    log.warn("This process was not heard of for too long: others may take over its jobs", { worker: lost })
    onLost()
  }

  const register = async () => {
    const sent = performance.now()
    await db.insert(worker).values({ id, seen_at: sql`now()` as never })
    last = sent
    isKnown = true
  }

  const beat = async () => {
    if (!isKnown) return register()
    const sent = performance.now()
    const mine = id
    const seen = await db.update(worker).set({ seen_at: sql`now()` }).where(eq(worker.id, mine)).returning()
    if (seen.length === 0) {
      if (mine === id) lose()
      return register()
    }
    const wasInTime = sent - last < 2 * times.beat
    last = sent
    if (wasInTime) await onBeat()
  }

  const tick = () => {
    if (isKnown && performance.now() - last > times.giveUp) lose()
    if (isBeating) return
    isBeating = true
    beat()
      .catch((error) => log.warn(`Cannot tell the other processes that this one lives: ${toMessage(error)}`))
      .finally(() => {
        isBeating = false
      })
  }

  return {
    get id() {
      return id
    },
    async start() {
      await register()
      timer = setInterval(tick, times.beat)
      timer.unref()
    },
    stop() {
      clearInterval(timer)
    },
  }
}

/** Those not heard of for so long are dead. */
export function isDead({ job_worker: worker }: Database["tables"]): SQL {
  return lt(worker.seen_at, sql`now() - ${times.dead} * interval '1 millisecond'`)
}

function toId(): string {
  return `pagoda-${crypto.randomUUID()}`
}
