/**
 * What a plugin is: the object that `definePlugin` takes.
 *
 * @module
 */
import { type Static, type TObject, type TSchema, Type } from "@sinclair/typebox"
import type { Elysia } from "elysia"
import type { Api } from "./api.ts"
import type { Job, Json, User } from "./data.ts"
import type { Migration } from "./database.ts"
import type { HookDefinition } from "./hooks.ts"
import type { Overrides } from "./overrides.ts"

/** TypeBox: schemas that are JSON Schema and TypeScript types at once. */
export const t = Type

/** The host API version that this SDK describes; a plugin's `engines.pagoda` is checked against it. */
export const HOST_API_VERSION = "2.0.0"

/** Who is answering: the plugin as its own code sees it. */
export type PluginIdentity = { readonly id: string; readonly name: string; readonly version: string }

/** What a route's handler gets besides Elysia's own context. `user` is `null` only where a route says `auth: false`. */
export type RouteContext<Settings> = {
  user: User
  api: Api<Settings>
  plugin: PluginIdentity
  /** As they were when the request came. */
  settings: Settings
}

/** An Elysia instance of the plugin's own: prefixed with `/api/v2/plugins/<id>`, authenticated, seen by no one else. */
export type PluginApp<Settings = Record<string, unknown>> = Elysia<
  "",
  {
    decorator: Empty
    store: Empty
    derive: Empty
    resolve: RouteContext<Settings>
  },
  { typebox: Empty; error: Empty },
  {
    schema: Empty
    standaloneSchema: Empty
    macro: { auth?: boolean }
    macroFn: Empty
    parser: Empty
    response: Empty
  }
>

/** What a job's `run` gets. */
export type JobContext<Params = Json> = {
  params: Params
  /** Who caused the job. */
  user: User
  api: Api
  job: Pick<Job, "id" | "operation" | "target" | "attempts" | "created_at">
  /** Fires when the job is cancelled, times out, or the host stops. */
  signal: AbortSignal
  /** Reports how far the job is: 0–100 and a sentence for people. */
  progress(percent: number, message?: string): Promise<void>
}

/** How long a try waits after one that failed; never more than an hour. */
export type Backoff = {
  /** `"exponential"` (default): twice as long each time. `"fixed"`: always the same. */
  type?: "exponential" | "fixed"
  /** Milliseconds before the second try. Default 1000. */
  delay_ms?: number
}

/** An operation: what a job number does. */
export type JobDefinition<Params extends TSchema = TSchema> = {
  /** For people and lists: `HELLO_WORLD_TASK`. */
  name: string
  /** What `params` must look like; defaults are filled in. Left out: any object. */
  params?: Params
  /** `false` (default): one at a time per operation and target. */
  parallelizable?: boolean
  /** `true` (default): users may cancel it. */
  cancelable?: boolean
  /** `true`: what `run` returned can be downloaded. Default `false`. */
  downloadable?: boolean
  /** `true`: left out of lists unless asked for. Default `false`. */
  hidden?: boolean
  /** How many times it is tried before it ends as `error`. Default 1. */
  attempts?: number
  /** How long it waits between two tries. Default: 1 s, then twice as long each time. */
  backoff?: Backoff
  /** Of the jobs that wait, those with a lower one run first: an integer from -1000 to 1000. Default 100. */
  priority?: number
  /** How long a job is kept once it has ended. Default 90. */
  retention_days?: number
  /** Milliseconds after which it ends as `timeout`. Default: none. */
  timeout_ms?: number
  /**
   * What it returns becomes the job's `text`, and its download: a string as it is, anything else as JSON, up to 100 MiB.
   * What is larger than 1 MiB is no `text`, and can only be downloaded.
   */
  run(context: JobContext<Static<Params>>): Promise<unknown>
}

/** A plugin: metadata, then what it adds. Only `id`, `name` and `version` are required. */
export type PluginDefinition<Settings extends TObject = TObject> = {
  /** `^[a-z0-9]+(?:[-_][a-z0-9]+)*$`, at most 100 characters; the key in the lockfile. */
  id: string
  name: string
  /** Semver; must be the version that the lockfile names. */
  version: string
  description?: string
  author?: string
  /** Host versions that the plugin works with, as a semver range. */
  engines?: { pagoda?: string }
  /** Plugins that must be active before this one: id → semver range. */
  dependencies?: Record<string, string>
  /** What the plugin asks for; it gets what the lockfile grants. */
  permissions?: string[]
  /**
   * What an administrator can set while the plugin runs, with defaults. One that is neither optional nor has a default is
   * missing until it was set.
   *
   * @example settings: t.Object({ GREETING: t.String({ default: "Hello" }), API_KEY: t.Optional(secret(t.String())) })
   */
  settings?: Settings
  /** Adds routes under `/api/v2/plugins/<id>`. */
  routes?: (app: PluginApp<Static<Settings>>) => unknown
  /**
   * Adds pages under `/plugins/<id>`: as `routes`, but what they answer is for people. `html` makes it; files of the folder
   * `static` beside `package.json` are at `/plugins/<id>/static/…`.
   *
   * @example pages: (app) => app.get("/", ({ user }) => html`<!doctype html><h1>Hello, ${user.username}!</h1>`)
   */
  pages?: (app: PluginApp<Static<Settings>>) => unknown
  /** Operations by number, 200–9999, unique over all plugins. */
  jobs?: Record<number, JobDefinition<never> | JobDefinition>
  /** Handlers around what the core writes and reads: `onEntry`, `onEntity`, `on`. */
  hooks?: HookDefinition[]
  /** Answers in place of the standard operations on entries, where the operator binds an entity to this plugin. */
  overrides?: Overrides
  /** What makes the tables of `api.db`, each run once before `initialize`; needs the permission `db`. */
  migrations?: Migration[]
  /** Runs once after the plugin is mounted and before it gets requests. Throwing makes the plugin fail. */
  initialize?: (api: Api<Static<Settings>>) => Promise<void> | void
  /**
   * Runs after settings changed, with all of them, in every process that runs the plugin: each host, and the processes of
   * its jobs. It has 5 seconds; of changes that come while it runs it is told the last. An exception is logged and
   * counted, and takes back nothing.
   */
  onSettings?: (settings: Static<Settings>) => Promise<void> | void
  /** Runs when the plugin leaves or the host stops. */
  dispose?: () => Promise<void> | void
}

/**
 * Declares a plugin: give it as the default export of the entry module. It returns its argument: the types are the point.
 *
 * @example
 * export default definePlugin({
 *   id: "hello-world-plugin",
 *   name: "Hello World Plugin",
 *   version: "1.0.0",
 *   routes: (app) => app.get("/hello", ({ user }) => ({ message: `Hello, ${user.username}!` })),
 * })
 */
export function definePlugin<Settings extends TObject = TObject>(
  definition: PluginDefinition<Settings>,
): PluginDefinition {
  return definition as unknown as PluginDefinition
}

/**
 * Declares an operation with its parameters typed. It returns its argument.
 *
 * @example
 * jobs: {
 *   1001: job({
 *     name: "HELLO_WORLD_TASK",
 *     params: t.Object({ message: t.String({ default: "Hello World!" }) }),
 *     run: async ({ params, user }) => `${params.message} from ${user.username}!`,
 *   }),
 * }
 */
export function job<Params extends TSchema>(definition: JobDefinition<Params>): JobDefinition {
  return definition as unknown as JobDefinition
}

type Empty = Record<never, never>

/**
 * Marks a setting as secret: it is stored encrypted and never returned by the HTTP API, which says only whether it is set.
 * It has no default, which everybody could read in the code.
 *
 * @example settings: t.Object({ API_KEY: t.Optional(secret(t.String())) })
 */
export function secret<Schema extends TSchema>(schema: Schema): Schema {
  return { ...schema, secret: true }
}
