/**
 * Hooks: a plugin's handlers around what the core writes and reads, and around other plugins' events.
 *
 * The order of a write: body check, `validate`, `before_*`, check again, write, commit, `after_*`.
 *
 * @module
 */
import type { Api } from "./api.ts"
import type { Attribute, Entity, Entry, Json, User } from "./data.ts"
import type { PluginIdentity } from "./plugin.ts"

/** What is to be written of an entry: attribute name → value. */
export type EntryInput = { name?: string; attrs?: Record<string, Json> }

/** What is to be written of an entity: the body of the request. */
export type EntityInput = { [field: string]: Json }

type EntityName = { entity: Pick<Entity, "id" | "name"> }
type OfEntry = EntityName & { entry: Entry }

/** By hook: what its handler gets besides `user`, `api` and `plugin`. All of it is a copy. */
export type HookFields = {
  /** `entry`: as it is stored; missing when it is about to be made. Throw `reject(…)` to refuse the write. */
  "entry.validate": EntityName & { entry?: Entry; data: EntryInput }
  /** Return other `data` to write that; throw `reject(…)` to refuse the write. */
  "entry.before_create": EntityName & { data: EntryInput }
  "entry.after_create": OfEntry
  /** `entry`: as it is stored; `data`: what the request changes. */
  "entry.before_update": OfEntry & { data: EntryInput }
  "entry.after_update": OfEntry
  "entry.before_delete": OfEntry
  "entry.after_delete": OfEntry
  "entry.before_restore": OfEntry
  "entry.after_restore": OfEntry
  /** Return other `attrs` to answer those. Runs when a single entry is read. */
  "entry.get_attrs": OfEntry & { attrs: Record<string, Json> }
  "entity.before_create": { data: EntityInput }
  /** `data`: the body of the request that made it. */
  "entity.after_create": EntityName & { data: EntityInput }
  "entity.before_update": EntityName & { data: EntityInput }
  "entity.after_update": EntityName & { data: EntityInput }
  "entity.before_delete": EntityName
  "entity.after_delete": EntityName
  /** Return other `attrs`, by name, to answer those. Runs when a single entity is read. */
  "entity.get_attrs": EntityName & { attrs: Record<string, Attribute> }
}

/** The 17 hooks of the core. */
export type HookName = keyof HookFields

/** What every handler gets. */
export type HookContext = {
  user: User
  api: Api
  plugin: PluginIdentity
  [field: string]: unknown
}

/** What the handler of one hook gets. */
export type HookContextOf<Name extends HookName> = { user: User; api: Api; plugin: PluginIdentity } & HookFields[Name]

/** What the handler of another plugin's event gets. `user` is `null` where nobody caused it, as in `initialize`. */
export type EventContext = { user: User | null; api: Api; plugin: PluginIdentity; data: Json }

/**
 * What a hook may say besides its name and handler.
 *
 * @example { entity: "Server", priority: 50, timeout_ms: 1000, on_error: "reject" }
 */
export type HookOptions = {
  /** The name of the one entity that it is for. Left out: all of them. */
  entity?: string
  /** Lower runs first. Default 100; ties in load order. */
  priority?: number
  /**
   * `after_*` only: the call is written down in the transaction of the write and delivered at least once, across
   * crashes, again and again until the handler does not throw. Default `false`: once, and lost when the host dies.
   */
  durable?: boolean
  /** Milliseconds, 1–600 000. A slower handler is counted and skipped. Default 5000. */
  timeout_ms?: number
  /**
   * `validate` and `before_*` only: `reject` refuses the write when the handler throws or is too slow. Default `skip`:
   * that is logged, counted, and the write goes on.
   */
  on_error?: "skip" | "reject"
}

/** A hook: a handler around one of the core's writes or reads, or of an event. A plain object. */
export type HookDefinition = HookOptions & {
  /** `entry.after_create`, or an event `<plugin>:<event>`. */
  name: string
  handler(context: HookContext): unknown
}

type Handler<Name extends HookName> = (context: HookContextOf<Name>) => unknown
type EntryHook = Extract<HookName, `entry.${string}`> extends `entry.${infer Name}` ? Name : never
type EntityHook = Extract<HookName, `entity.${string}`> extends `entity.${infer Name}` ? Name : never

/**
 * Declares a hook on entries; needs the permission `entries:read`. It returns the plain object
 * `{ name: "entry.after_create", entity: "Server", handler }`.
 *
 * @example
 * hooks: [
 *   onEntry("before_create", { entity: "Server" }, ({ data }) => ({ ...data, name: data.name?.toLowerCase() })),
 *   onEntry("validate", ({ data }) => {
 *     if (/forbidden/i.test(data.name ?? "")) throw reject("this name is forbidden", { path: "name" })
 *   }),
 * ]
 */
export function onEntry<Name extends EntryHook>(name: Name, handler: Handler<`entry.${Name}`>): HookDefinition
export function onEntry<Name extends EntryHook>(
  name: Name,
  options: HookOptions,
  handler: Handler<`entry.${Name}`>,
): HookDefinition
export function onEntry(name: string, ...rest: unknown[]): HookDefinition {
  return toHook(`entry.${name}`, rest)
}

/** Declares a hook on entities, as `onEntry` does on entries; needs the permission `entities:read`. */
export function onEntity<Name extends EntityHook>(name: Name, handler: Handler<`entity.${Name}`>): HookDefinition
export function onEntity<Name extends EntityHook>(
  name: Name,
  options: HookOptions,
  handler: Handler<`entity.${Name}`>,
): HookDefinition
export function onEntity(name: string, ...rest: unknown[]): HookDefinition {
  return toHook(`entity.${name}`, rest)
}

/**
 * Subscribes to another plugin's event, which that one tells with `api.hooks.emit`.
 *
 * @example hooks: [on("other-plugin:finished", async ({ data, api }) => api.log.info("finished", { data }))]
 */
export function on(event: string, handler: (context: EventContext) => unknown): HookDefinition {
  return toHook(event, [handler])
}

function toHook(name: string, rest: unknown[]): HookDefinition {
  const [options, handler] = rest.length === 1 ? [{}, rest[0]] : rest
  return { name, ...(options as HookOptions), handler: handler as HookDefinition["handler"] }
}
