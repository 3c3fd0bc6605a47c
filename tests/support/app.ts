import type { Api, PluginDefinition, User } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import type { Accounts } from "../../src/core/accounts.ts"
import { type Core, openCore } from "../../src/core/core.ts"
import { deriveKey } from "../../src/core/secret-key.ts"
import { PagodaError } from "../../src/errors.ts"
import { createApp } from "../../src/http/app.ts"
import type { PluginDirectory } from "../../src/http/core.ts"
import { createDispatch } from "../../src/http/dispatch.ts"
import { createRouteMeter } from "../../src/http/route-meter.ts"
import { createScope } from "../../src/http/scope.ts"
import { createLog } from "../../src/log.ts"
import { type AdminEvents, createAdminEvents } from "../../src/plugins/admin-events.ts"
import { openInstalled } from "../../src/plugins/installed.ts"
import { createLimitSettings } from "../../src/plugins/limit-settings.ts"
import { createLimits } from "../../src/plugins/limits.ts"
import { createPluginApp, routesOf } from "../../src/plugins/mount.ts"
import { createPluginPages } from "../../src/plugins/pages.ts"
import type { PluginRecord } from "../../src/plugins/record.ts"
import { createRepairs, type Repairs } from "../../src/plugins/repairs.ts"
import { createPluginSettings, type PluginSettings } from "../../src/plugins/settings.ts"
import type { FileTree } from "../../src/plugins/tree.ts"
import { registerTransfer } from "../../src/transfer/transfer.ts"
import { openTestAccounts, testSecretKey } from "./accounts.ts"
import type { TestDatabase } from "./database.ts"
import { openTestJobs, type TestJobs } from "./jobs.ts"

export const password = "correct horse battery"

export type TestApp = AsyncDisposable & {
  readonly core: AnyElysia
  readonly settings: PluginSettings
  readonly repairs: Repairs
  readonly adminEvents: AdminEvents
  readonly apps: Map<string, AnyElysia>
  readonly pages: Map<string, AnyElysia>
  readonly records: Map<string, PluginRecord>
  readonly lines: string[]
  readonly accounts: Accounts
  readonly data: Core
  readonly jobs: TestJobs
  settled: boolean
  /** `files`: what its folder has. */
  add(definition: PluginDefinition, files?: FileTree): AnyElysia
  request(path: string, init?: RequestInit): Promise<Response>
  /** The headers of a fresh user who logged in. */
  login(username: string, is_admin?: boolean): Promise<{ user: User; headers: Record<string, string>; token: string }>
}

/** The whole HTTP side on a real database, without a port; plugins are mounted by hand. */
export async function openTestApp(database: TestDatabase): Promise<TestApp> {
  const { accounts, lines } = openTestAccounts(database)
  const jobs = await openTestJobs(database)
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const apps = new Map<string, AnyElysia>()
  const pages = new Map<string, AnyElysia>()
  const records = new Map<string, PluginRecord>()
  const plugins: PluginDirectory = {
    apps,
    get settled() {
      return made.settled
    },
    list: () => [...records.values()],
    get: (id) => records.get(id),
    async setEnabled(id, enabled) {
      const record = records.get(id)
      if (!record) throw new PagodaError("NOT_FOUND", `There is no plugin "${id}"`)
      record.state = enabled ? "active" : "disabled"
      return record
    },
  }
  const data = openCore({ database, accounts, log })
  const users = { get: (id: string) => accounts.getUser(id) }
  const transfer = registerTransfer({ database, core: data, users, operations: jobs.operations, jobs })
  const adminEvents = createAdminEvents(database)
  const repairs = createRepairs({ database, log, onChange: (repair) => adminEvents.tell("repair", repair) })
  await repairs.begin()
  const settings = createPluginSettings({
    database,
    key: deriveKey(testSecretKey, "plugin-settings"),
    repairs,
    log,
  })
  const limits = createLimitSettings({
    installed: openInstalled(database),
    limits: createLimits(),
    has: (id) => records.has(id),
    tell: async () => {},
  })
  const meter = createRouteMeter()
  const core = createApp({
    meter,
    limits,
    accounts,
    core: data,
    jobs,
    transfer,
    plugins,
    settings,
    repairs,
    adminEvents,
    syncPlugins: async () => {},
    log,
  })
  const dispatch = createDispatch({ core, plugins: apps, pages })
  const scope = createScope({ authenticate: accounts.principal, log, meter })
  const made: TestApp = {
    core,
    settings,
    repairs,
    adminEvents,
    apps,
    pages,
    records,
    lines,
    accounts,
    data,
    jobs,
    settled: true,
    add(definition, files = new Map()) {
      const options = { scope, settings: {}, apiFor: () => ({}) as Api }
      const app = createPluginApp(definition, options)
      apps.set(definition.id, app)
      pages.set(definition.id, createPluginPages(definition, options, files))
      records.set(definition.id, toRecord(definition, app))
      return app
    },
    request: async (path, init) => dispatch(new Request(`http://localhost${path}`, init)),
    async login(username, is_admin = false) {
      const { user } = await accounts.createUser({ username, password, is_admin })
      jobs.users.set(user.id, user)
      const { token } = await accounts.login({ username, password, address: "::1" })
      return { user, token, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" } }
    },
    [Symbol.asyncDispose]: () => jobs[Symbol.asyncDispose](),
  }
  return made
}

export function toRecord({ id, name, version }: PluginDefinition, app: AnyElysia): PluginRecord {
  return {
    id,
    name,
    version,
    description: "",
    author: "",
    state: "active",
    source: "file:plugin",
    integrity: null,
    permissions: [],
    isolation: "in-process",
    routes: routesOf(app),
    hooks: [],
    jobs: [],
    overrides: [],
    settings_schema: null,
    dependencies: {},
    load_ms: 1,
    required: false,
  }
}
