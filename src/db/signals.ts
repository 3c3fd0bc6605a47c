import type { SQL } from "drizzle-orm"
import type { Undo } from "../undo.ts"
import type { Transaction } from "./database.ts"

/** Gets what was published, or `null`: some may have been missed, so look again. It does not throw. */
export type SignalListener = (payload: string | null) => void

/** What processes of one database tell each other: a hint to look at the tables, never the only copy of anything. */
export type Signals = {
  /** A few bytes. With a transaction's handle it is told once that commits, or never. */
  publish(channel: string, payload: string, handle?: Transaction): Promise<void>
  /**
   * What publishes where it is evaluated, for the RETURNING of a write: `payload` is made of the row's columns.
   * `undefined` where a statement cannot do that: publish what it returned.
   */
  inStatement(channel: string, payload: SQL): SQL<string> | undefined
  /** Told from now on or, where a connection is needed for it, from the first `null` on. */
  subscribe(channel: string, listener: SignalListener): Undo
}

export type Listeners = {
  readonly size: number
  add(channel: string, listener: SignalListener): Undo
  tell(channel: string, payload: string): void
  /** To all, on every channel. */
  tellLookAgain(): void
}

/** Postgres takes less than 8000 bytes, the channel's name included. */
const longest = 7_000

export function checkPayload(channel: string, payload: string): void {
  const length = Buffer.byteLength(payload)
  if (length <= longest) return
  throw new RangeError(`Cannot publish on "${channel}": the payload has ${length} bytes, wanted at most ${longest}`)
}

export function createListeners(): Listeners {
  const listeners = new Set<{ channel: string; listener: SignalListener }>()
  return {
    get size() {
      return listeners.size
    },
    add(channel, listener) {
      const one = { channel, listener }
      listeners.add(one)
      return () => void listeners.delete(one)
    },
    tell(channel, payload) {
      for (const one of listeners) if (one.channel === channel) one.listener(payload)
    },
    tellLookAgain() {
      for (const { listener } of listeners) listener(null)
    },
  }
}

/** Of a database that one process has. `afterCommit` runs it at once where no transaction is open. */
export function createLocalSignals(afterCommit: (tell: () => void, isInside: boolean) => void): Signals {
  const listeners = createListeners()
  return {
    async publish(channel, payload, handle) {
      checkPayload(channel, payload)
      afterCommit(() => listeners.tell(channel, payload), handle !== undefined)
    },
    inStatement: () => undefined,
    subscribe: listeners.add,
  }
}
