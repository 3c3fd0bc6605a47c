/**
 * Tests of a plugin without a host: its routes on a real Elysia, its jobs and `api` in memory.
 *
 * It holds the plugin to the host's rules on credentials, permissions, params and errors, and is no host: nothing is
 * fetched, verified, bundled or stored, no import policy is applied, entities and entries are what the test gives as
 * `data`, `api.db` is SQLite in memory, a job runs when the test says so, once, and what the host does not do yet throws
 * here as well.
 *
 * @example
 * import { expect, test } from "bun:test"
 * import { testPlugin } from "@pagoda/sdk/testing"
 * import plugin from "./plugin.ts"
 *
 * test("greets by name", async () => {
 *   await using tested = await testPlugin(plugin)
 *   const response = await tested.request("/greet/Ada")
 *   expect(await response.json()).toMatchObject({ greeting: "Hello, Ada! Welcome to Pagoda!" })
 * })
 *
 * @module
 */
import type { Static, TObject } from "@sinclair/typebox"
import type { Json, User } from "./data.ts"
import type { HookFields, HookName } from "./hooks.ts"
import type { OverrideOperation } from "./overrides.ts"
import type { PluginDefinition } from "./plugin.ts"
import { createTestApi, type TestLogLine } from "./testing-api.ts"
import { createTestApp } from "./testing-app.ts"
import type { TestData, TestEvent } from "./testing-data.ts"
import { openTestDatabase, refuseDatabase } from "./testing-database.ts"
import type { TestFetch } from "./testing-fetch.ts"
import { createTestHooks, type TestOverrideFields } from "./testing-hooks.ts"
import { createTestJobs, type TestJob } from "./testing-jobs.ts"
import type { TestSchedule } from "./testing-jobs-api.ts"
import { createTestSettings } from "./testing-settings.ts"

export type { TestLogLine } from "./testing-api.ts"
export type { TestData, TestEvent } from "./testing-data.ts"
export type { TestFetch } from "./testing-fetch.ts"
export type { TestOverrideFields } from "./testing-hooks.ts"
export type { TestJob, TestReport } from "./testing-jobs.ts"
export type { TestSchedule } from "./testing-jobs-api.ts"

/** Who acts where a test names nobody: neither administrator nor read-only. */
export const testUser: User = {
  id: "test-user",
  username: "tester",
  email: null,
  is_admin: false,
  is_readonly: false,
  is_active: true,
}

export type TestOptions<Settings> = {
  /** Who acts; `null`: nobody is logged in. Default: `testUser`. */
  user?: User | null
  /** What differs from the defaults of the plugin's schema. */
  settings?: Partial<Settings>
  /** What the operator grants. Default: everything that the plugin asks for. */
  permissions?: string[]
  /** What `api.env` finds. */
  env?: Record<string, string>
  /** What `api.entities`, `entries`, `permissions` and `services` answer; a call that is not given here throws. */
  data?: TestData
  /** What `api.asset` finds, by path. */
  assets?: Record<string, string | Uint8Array<ArrayBuffer>>
  /**
   * What other hosts answer to `api.fetch`; nothing leaves the process. Redirects are not followed.
   *
   * @example { fetch: async (request) => Response.json({ asked: request.url }) }
   */
  fetch?: TestFetch
}

/** A plugin under test. */
export type TestPlugin = AsyncDisposable & {
  /**
   * Asks one of the plugin's routes; `path` begins below the plugin's prefix. A `json` body is sent as JSON.
   *
   * @example await tested.request("/hello", { method: "POST", json: { message: "Hi" } })
   */
  request(path: string, init?: RequestInit & { json?: Json; user?: User | null }): Promise<Response>
  /** Asks one of the plugin's pages; `path` begins below `/plugins/<id>`. Files of the folder `static` are not there. */
  page(path: string, init?: RequestInit & { user?: User | null }): Promise<Response>
  /**
   * Makes a job and runs it to its end; an exception of `run` makes it `error`, as in the host.
   *
   * @example expect((await tested.runJob(1001, { message: "Hi" })).text).toBe("Hi from tester!")
   * @throws `PluginValidationError` when the params do not fit, `PluginError` with code `NOT_FOUND` for an unknown number
   */
  runJob(number: number, params?: Json): Promise<TestJob>
  /** Runs the jobs that routes, jobs or `initialize` made and that wait, oldest first; gives them as they ended. */
  runJobs(): Promise<TestJob[]>
  /**
   * Runs the plugin's handlers of a hook, by priority, each with what the one before returned, and gives what it was
   * told with, as the handlers left it. What a handler throws is thrown: the host skips it, but for `reject`.
   *
   * @example
   * const { data } = await tested.runHook("entry.before_create", { entity: { id: 1, name: "Server" }, data: { name: "A" } })
   */
  runHook<Name extends HookName>(name: Name, fields: HookFields[Name]): Promise<HookFields[Name]>
  /** Tells the plugin's subscribers of another plugin's event. */
  runEvent(name: string, data: Json): Promise<void>
  /**
   * Runs an override and gives what it returned; `undefined`: the host would run the standard operation.
   *
   * @throws `PluginError` with code `NOT_FOUND` when the plugin has none for this operation
   */
  runOverride(operation: OverrideOperation, fields?: TestOverrideFields): Promise<unknown>
  /**
   * Changes settings as an administrator does, and waits for `onSettings`; `null` returns one to its default.
   *
   * @throws `PluginValidationError` when they do not fit the plugin's schema, and whatever `onSettings` throws, which the
   *   host only logs
   */
  changeSettings(changes: { [key: string]: Json }): Promise<void>
  /** Every event that the plugin told so far. */
  readonly events: readonly TestEvent[]
  /** Every job so far, oldest first. */
  readonly jobs: readonly TestJob[]
  /** Every schedule that is set. */
  readonly schedules: readonly TestSchedule[]
  /** Every line of `api.log` so far. */
  readonly log: readonly TestLogLine[]
  /** Fires the signal of every job that runs, then the plugin's own `dispose`. */
  dispose(): Promise<void>
}

/**
 * Mounts a plugin and runs its `initialize`.
 *
 * @throws `PluginValidationError` when the settings do not fit the plugin's schema, and whatever `routes` and
 *   `initialize` throw
 */
export async function testPlugin<Settings extends TObject>(
  definition: PluginDefinition<Settings>,
  options: TestOptions<Static<Settings>> = {},
): Promise<TestPlugin> {
  const user = options.user === undefined ? testUser : options.user
  const settings = createTestSettings(definition, options.settings)
  const plugin = definition as unknown as PluginDefinition
  const log: TestLogLine[] = []
  const granted = new Set(options.permissions ?? definition.permissions ?? [])
  const jobs = createTestJobs(plugin, (who) => api(who))
  const { env = {}, assets = {}, fetch, data = {} } = options
  const events: TestEvent[] = []
  const hooks = createTestHooks(plugin)
  const own = granted.has("db") ? await openTestDatabase(definition.migrations ?? []) : undefined
  const db = own?.db ?? refuseDatabase(definition.id)
  const api = createTestApi({ definition: plugin, granted, settings, jobs, db, log, env, assets, fetch, data, events })
  const routes = createTestApp(plugin, "routes", settings, api)
  const pages = createTestApp(plugin, "pages", settings, api)
  await definition.initialize?.(api(null) as never)

  const dispose = async () => {
    jobs.abort()
    await definition.dispose?.()
    own?.close()
  }
  return {
    request: (path, { user: who = user, json, ...init } = {}) => routes.request(path, withJson(init, json), who),
    page: (path, { user: who = user, ...init } = {}) => pages.request(path, init, who),
    runJob: async (number, params) => jobs.run(jobs.create({ operation: number, params }, user ?? testUser)),
    runJobs: jobs.runWaiting,
    runHook: (name, fields) => hooks.runHook(name, fields, user ?? testUser, api(user)),
    runEvent: (name, told) => hooks.runEvent(name, told, user, api(user)),
    runOverride: (operation, fields = {}) => hooks.runOverride(operation, fields, user ?? testUser, api(user)),
    changeSettings: settings.set,
    events,
    jobs: jobs.all,
    schedules: jobs.schedules,
    log,
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

function withJson(init: RequestInit, json: Json | undefined): RequestInit {
  if (json === undefined) return init
  const headers = new Headers(init.headers)
  headers.set("content-type", "application/json")
  return { method: "POST", ...init, headers, body: JSON.stringify(json) }
}
