import type { User } from "@pagoda/sdk"
import { and, asc, eq, gt, lte, min, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import { toMessage } from "../../errors.ts"
import type { Log } from "../../log.ts"
import { waitAtMost } from "../../wait-at-most.ts"
import { systemUser } from "../access.ts"
import type { HookCall } from "../hooks.ts"
import type { HookCaller } from "./call.ts"
import type { HookRegistry, Listener } from "./registry.ts"

export type HookDeliveryOptions = {
  database: Database
  users: { get(id: string): Promise<User | null> }
  registry: HookRegistry
  caller: HookCaller
  log: Log
}

type Row = Tables["hook_delivery"]["$inferSelect"]

/** Milliseconds. */
const backoff = { first: 1_000, most: 60 * 60 * 1000 }
/** How long after its handler's time is up a delivery is taken to be lost with the process that had it. */
const LEASE_MARGIN = 5_000
/** How long a delivery may go on after `close`; it comes again at the next start. */
const GRACE = 5_000
/** How often it is looked for what another process left behind, or when this one could not look. */
const LOOK_AGAIN = 15_000

/**
 * Delivers what a write wrote down with itself: at least once, each plugin's one after the other, by whichever process
 * takes it first. What is taken is not deleted but put off, so that it comes again when the process dies.
 */
export function createHookDelivery({ database, users, registry, caller, log }: HookDeliveryOptions) {
  const { db, dialect, tables } = database
  const turns = new Map<string, { done: Promise<void>; again: boolean }>()
  const timers = new Map<string, Timer>()
  let state: "new" | "open" | "closed" = "new"

  const listenersOf = (plugin: string) => registry.all().filter(({ hook }) => hook.durable && hook.plugin === plugin)

  const claim = async (plugin: string, lease: number): Promise<Row | undefined> => {
    const { hook_delivery: delivery } = tables
    const now = Date.now()
    const due = and(eq(delivery.plugin, plugin), lte(delivery.run_after, toTime(now)))
    const first = db.select({ id: delivery.id }).from(delivery).where(due).orderBy(asc(delivery.id)).limit(1)
    // SQLite has one process that delivers
    const free = dialect === "postgres" ? first.for("update", { skipLocked: true }) : first
    const [row] = await db
      .update(delivery)
      .set({ attempts: sql`${delivery.attempts} + 1`, run_after: toTime(now + lease) })
      .where(eq(delivery.id, sql`(${free})`))
      .returning()
    return row
  }

  const deliver = async (row: Row, listeners: Listener[]) => {
    const listener = listeners.find(({ hook }) => hook.name === row.hook && hook.position === row.position)
    if (listener) {
      const call = await toCall(row)
      let isDelivered = true
      await caller.walk([listener], {
        toCall: () => call,
        threw(_, error) {
          isDelivered = false
          caller.failed(listener, error)
        },
      })
      if (!isDelivered) {
        await putOff(row)
        return
      }
    } else log.warn(`Plugin "${row.plugin}" has no durable hook "${row.hook}" any more`, { plugin: row.plugin })
    const { hook_delivery: delivery } = tables
    await db.delete(delivery).where(eq(delivery.id, row.id))
  }

  const putOff = async ({ id, attempts }: Row) => {
    const { hook_delivery: delivery } = tables
    const wait = Math.min(backoff.first * 2 ** Math.min(attempts - 1, 30), backoff.most)
    const run_after = toTime(Date.now() + wait)
    await db.update(delivery).set({ run_after }).where(eq(delivery.id, id))
  }

  /** With the rights that he has now; one who is gone has none. */
  const toCall = async ({ payload, user_id }: Row): Promise<HookCall> => {
    const call = payload as unknown as HookCall
    const user = user_id === systemUser.id ? systemUser : await users.get(user_id)
    return { ...call, user: user ?? { ...call.user, is_admin: false, is_active: false } }
  }

  const drain = async (plugin: string, turn: { again: boolean }) => {
    do {
      turn.again = false
      while (state === "open") {
        const listeners = listenersOf(plugin)
        if (listeners.length === 0) return
        const lease = Math.max(...listeners.map(({ hook }) => hook.timeout_ms)) + LEASE_MARGIN
        const row = await claim(plugin, lease)
        if (!row) break
        await deliver(row, listeners)
      }
    } while (turn.again && state === "open")
    if (state === "open") await lookAgain(plugin)
  }

  const lookAgain = async (plugin: string) => {
    const { hook_delivery: delivery } = tables
    const [next] = await db
      .select({ at: min(delivery.run_after) })
      .from(delivery)
      .where(eq(delivery.plugin, plugin))
    const wait = next?.at ? Math.max(0, Date.parse(next.at) - Date.now()) : LOOK_AGAIN
    if (next?.at || dialect === "postgres") wakeIn(plugin, Math.min(wait, LOOK_AGAIN))
  }

  const wakeIn = (plugin: string, milliseconds: number) => {
    clearTimeout(timers.get(plugin))
    if (state !== "open") return
    const timer = setTimeout(wake, milliseconds, plugin)
    timer.unref()
    timers.set(plugin, timer)
  }

  const wake = (plugin: string) => {
    if (state !== "open") return
    const under = turns.get(plugin)
    if (under) {
      under.again = true
      return
    }
    const turn = { done: Promise.resolve(), again: false }
    turns.set(plugin, turn)
    // all hooks of a plugin are registered in one go: by then they are
    turn.done = Promise.resolve()
      .then(() => caller.fromOutside(() => drain(plugin, turn)))
      .catch((error) => {
        log.error(`Cannot deliver to the hooks of plugin "${plugin}": ${toMessage(error)}`, { plugin, error })
        wakeIn(plugin, LOOK_AGAIN)
      })
      .finally(() => {
        turns.delete(plugin)
        if (turn.again) wake(plugin)
      })
  }

  return {
    wake,

    async enqueue(handle: Transaction, listeners: Listener[], call: HookCall): Promise<void> {
      const now = toTime(Date.now())
      await handle.insert(tables.hook_delivery).values(
        listeners.map(({ hook: { plugin, name, position } }) => ({
          plugin,
          hook: name,
          position,
          user_id: call.user.id,
          payload: call as never,
          run_after: now,
          created_at: now,
        })),
      )
    },

    async start(): Promise<void> {
      state = "open"
      const durable = registry.all().filter(({ hook }) => hook.durable)
      // nobody else has taken what the last process on this file had taken
      if (dialect === "sqlite" && durable.length > 0) {
        const { hook_delivery: delivery } = tables
        const now = toTime(Date.now())
        await db.update(delivery).set({ run_after: now }).where(gt(delivery.run_after, now))
      }
      for (const plugin of new Set(durable.map(({ hook }) => hook.plugin))) wake(plugin)
    },

    async close(): Promise<void> {
      state = "closed"
      for (const timer of timers.values()) clearTimeout(timer)
      await waitAtMost(GRACE, Promise.all([...turns.values()].map(({ done }) => done)))
    },
  }
}

function toTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
