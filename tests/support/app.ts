import type { Api, PluginDefinition, User } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import type { Accounts } from "../../src/core/accounts.ts"
import { openCore } from "../../src/core/core.ts"
import type { Database } from "../../src/db/database.ts"
import { PagodaError } from "../../src/errors.ts"
import { createApp } from "../../src/http/app.ts"
import type { PluginDirectory } from "../../src/http/core.ts"
import { createScope } from "../../src/http/scope.ts"
import { createDispatch } from "../../src/http/server.ts"
import { createLog } from "../../src/log.ts"
import { createPluginApp, routesOf } from "../../src/plugins/mount.ts"
import type { PluginRecord } from "../../src/plugins/record.ts"
import { openTestAccounts } from "./accounts.ts"
import { openTestJobs } from "./jobs.ts"

export const password = "correct horse battery"

export type TestApp = AsyncDisposable & {
  readonly core: AnyElysia
  readonly apps: Map<string, AnyElysia>
  readonly records: Map<string, PluginRecord>
  readonly lines: string[]
  readonly accounts: Accounts
  settled: boolean
  add(definition: PluginDefinition): AnyElysia
  request(path: string, init?: RequestInit): Promise<Response>
  /** The headers of a fresh user who logged in. */
  login(username: string, is_admin?: boolean): Promise<{ user: User; headers: Record<string, string>; token: string }>
}

/** The whole HTTP side on a real database, without a port; plugins are mounted by hand. */
export async function openTestApp(database: Database): Promise<TestApp> {
  const { accounts, lines } = openTestAccounts(database)
  const jobs = await openTestJobs(database)
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const apps = new Map<string, AnyElysia>()
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
  const core = createApp({ accounts, core: openCore({ database, accounts, log }), jobs, plugins, log })
  const dispatch = createDispatch(core, apps)
  const scope = createScope({ authenticate: accounts.principal, log })
  const made: TestApp = {
    core,
    apps,
    records,
    lines,
    accounts,
    settled: true,
    add(definition) {
      const app = createPluginApp(definition, { scope, settings: {}, apiFor: () => ({}) as Api })
      apps.set(definition.id, app)
      records.set(definition.id, toRecord(definition, app))
      return app
    },
    request: async (path, init) => dispatch(new Request(`http://localhost${path}`, init)),
    async login(username, is_admin = false) {
      const { user } = await accounts.createUser({ username, password, is_admin })
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
