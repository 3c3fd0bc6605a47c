import type { Entity, Entry, Json, User } from "@pagoda/sdk"
import type { Transaction } from "../db/database.ts"
import type { Histogram } from "../metrics/histogram.ts"
import type { Undo } from "../undo.ts"
import type { HookBacklog } from "./hooks/backlog.ts"

type Around<Write extends string> = `before_${Write}` | `after_${Write}`

export type EntryHookName = `entry.${"validate" | "get_attrs" | Around<"create" | "update" | "delete" | "restore">}`
export type EntityHookName = `entity.${"get_attrs" | Around<"create" | "update" | "delete">}`
export type HookName = EntryHookName | EntityHookName

/** An event of a plugin's own: `<plugin>:<event>`. */
export type EventName = `${string}:${string}`

/** What a handler is told, besides its own plugin's `api`. Plain data: the handler may run in another process. */
export type HookCall = {
  readonly user: User
  /** Missing where it does not exist yet: for `entity.before_create` the name is that of `data`. */
  readonly entity?: Pick<Entity, "id" | "name">
  readonly entry?: Entry
  /** What is to be written: `{name?, attrs?}` for entries, the body for entities. */
  readonly data?: { [key: string]: Json }
  /** For `get_attrs`: what is to be answered. */
  readonly attrs?: { [name: string]: Json }
}

/** What the subscribers of an event are told. */
export type EventCall = { readonly user: User | null; readonly data: Json }

/** A handler in its place. `position` is its number among its plugin's hooks of that name: what a durable delivery is filed under. */
export type RegisteredHook = {
  readonly plugin: string
  readonly position: number
  readonly name: HookName | EventName
  /** The name of the one entity that it is for. */
  readonly entity?: string | undefined
  readonly priority: number
  readonly durable: boolean
  readonly timeout_ms: number
  readonly on_error: "skip" | "reject"
  /** Must not change what it is given: the next handler gets the same. */
  run(call: HookCall | EventCall): unknown
}

/** What became of one handler's calls in this process. */
export type HookCount = {
  plugin: string
  name: HookName | EventName
  position: number
  calls: number
  /** It threw, or what it returned does not fit. */
  failures: number
  /** It refused a write. */
  rejections: number
  timeouts: number
  /** Of every 16th call: to ask for the time at each one would cost as much as the call. */
  times: Histogram
}

/**
 * Handlers around the core's writes and reads. What nobody listens to costs one look into a map: ask `has` before
 * anything is made for a call.
 */
export type Hooks = {
  register(hook: RegisteredHook): Undo
  has(name: HookName, entity: string): boolean
  /** Whether `enqueue` would write anything. */
  isDurable(name: HookName, entity: string): boolean
  /**
   * In order of priority, each with what the one before returned; what `check` throws at counts as failed and is skipped.
   *
   * @throws VALIDATION_FAILED with what a handler of `before_*` rejected, HOOK_FAILED where one fails closed
   */
  chain<Data>(
    name: HookName,
    call: HookCall,
    field: "data" | "attrs",
    check: (changed: unknown) => Data | Promise<Data>,
  ): Promise<Data>
  /** @throws VALIDATION_FAILED with all that the handlers rejected, HOOK_FAILED where one fails closed */
  validate(name: "entry.validate", call: HookCall): Promise<void>
  /** In the transaction of the write: durable handlers are written down with it. */
  enqueue(handle: Transaction, name: HookName, call: HookCall): Promise<void>
  /** After the commit: runs the handlers that are not durable and sees to it that the others are delivered. Never throws. */
  after(name: HookName, call: HookCall): Promise<void>
  /** Tells the subscribers of a plugin's own event. Never throws. */
  emit(name: EventName, call: EventCall): Promise<void>
  counts(): HookCount[]
  /** What was written down and is not delivered yet, by whichever process. */
  backlog(): Promise<HookBacklog[]>
  /** Delivers what was written down, now and from now on. */
  start(): Promise<void>
  close(): Promise<void>
}
