import { type SQL, sql } from "drizzle-orm"
import postgres from "postgres"
import type { Undo } from "../undo.ts"
import type { Db, Transaction } from "./database.ts"
import { checkPayload, createListeners, type Listeners, type SignalListener, type Signals } from "./signals.ts"

/** The one channel of the server that ours travel on: who listens needs one connection and one statement. */
const pgChannel = "pagoda"
const separator = " "
/** Milliseconds. */
const backoff = { first: 100, most: 5_000 }
/** A connection whose other end vanished without a word is noticed when it does not answer. */
const ping = { every: 15_000, patience: 10_000 }

/** LISTEN and NOTIFY: a connection of its own from the first subscription on, made again whenever it is lost. */
export function createPostgresSignals(url: string, db: Db): Signals & { close(): Promise<void> } {
  const listeners = createListeners()
  const closing = new AbortController()
  let keeping: Promise<void> | undefined
  const state = { isHeard: false }

  return {
    async publish(channel: string, payload: string, handle?: Transaction) {
      checkPayload(channel, payload)
      await (handle ?? db).execute(sql`select ${toNotification(channel, sql`${payload}::text`)}`)
    },
    inStatement: toNotification,
    subscribe(channel: string, listener: SignalListener): Undo {
      keeping ??= keepListening(url, listeners, state, closing.signal)
      const undo = listeners.add(channel, listener)
      let isOver = false
      if (state.isHeard) queueMicrotask(() => isOver || listener(null))
      return () => {
        isOver = true
        undo()
      }
    },
    async close() {
      closing.abort()
      await keeping
    },
  }
}

function toNotification(channel: string, payload: SQL) {
  return sql<string>`pg_notify(${pgChannel}, ${channel + separator}::text || ${payload})`
}

type State = { isHeard: boolean }

async function keepListening(url: string, listeners: Listeners, state: State, closing: AbortSignal): Promise<void> {
  let wait = backoff.first
  while (!closing.aborted) {
    await listenOnce(url, listeners, state, closing)
    wait = state.isHeard ? backoff.first : Math.min(wait * 2, backoff.most)
    state.isHeard = false
    await pause(wait, closing)
  }
}

/** Until the connection is lost. */
async function listenOnce(url: string, listeners: Listeners, state: State, closing: AbortSignal): Promise<void> {
  const lost = Promise.withResolvers<void>()
  const options = {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: false,
    connect_timeout: 10,
    connection: { application_name: "pagoda signals" },
    onnotice: () => {},
    onclose: () => lost.resolve(),
    // the driver's own `listen` gives up for good where the server is not back at once
    onnotify: (_: string, text: string) => tell(listeners, text),
  }
  const client = postgres(url, options)
  const stop = () => lost.resolve()
  closing.addEventListener("abort", stop)
  let timer: Timer | undefined
  try {
    const listening = client.unsafe(`listen ${pgChannel}`).then(() => true)
    state.isHeard = (await Promise.race([listening, lost.promise])) === true
    if (!state.isHeard || closing.aborted) return
    listeners.tellLookAgain()
    timer = setInterval(() => void isAlive(client).then((alive) => alive || lost.resolve()), ping.every)
    timer.unref()
    await lost.promise
  } catch {
    // whoever asks the database for anything is told why it cannot be reached
  } finally {
    clearInterval(timer)
    closing.removeEventListener("abort", stop)
    await client.end({ timeout: 0 })
  }
}

function tell(listeners: Listeners, text: string): void {
  const end = text.indexOf(separator)
  listeners.tell(text.slice(0, end), text.slice(end + 1))
}

async function isAlive(client: postgres.Sql): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(resolve, ping.patience, false)
  const answer = client`select 1`.then(
    () => true,
    () => false,
  )
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

async function pause(milliseconds: number, closing: AbortSignal): Promise<void> {
  if (closing.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, milliseconds)
  const stop = () => resolve()
  closing.addEventListener("abort", stop)
  await promise
  clearTimeout(timer)
  closing.removeEventListener("abort", stop)
}
