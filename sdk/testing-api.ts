import type { Api } from "./api.ts"
import type { Json, User } from "./data.ts"
import type { DatabaseApi } from "./database.ts"
import { PluginError, PluginSecurityError } from "./errors.ts"
import type { PluginDefinition } from "./plugin.ts"
import { createTestData, type TestData, type TestEvent } from "./testing-data.ts"
import { askTest, type TestFetch } from "./testing-fetch.ts"
import type { TestJobs } from "./testing-jobs.ts"
import { createTestJobsApi } from "./testing-jobs-api.ts"
import type { TestSettings } from "./testing-settings.ts"

/** One line of `api.log`. */
export type TestLogLine = { level: "debug" | "info" | "warn" | "error"; message: string; fields: Record<string, Json> }

export type TestApiOptions = {
  definition: PluginDefinition
  granted: ReadonlySet<string>
  settings: TestSettings
  jobs: TestJobs
  db: DatabaseApi
  log: TestLogLine[]
  env: Record<string, string>
  assets: Record<string, string | Uint8Array<ArrayBuffer>>
  fetch: TestFetch | undefined
  data: TestData
  events: TestEvent[]
}

const statuses = new WeakMap<object, number>()

/** The status that an error of `api.*` is answered with where a route lets it through. */
export function testApiStatus(error: unknown): number | undefined {
  return typeof error === "object" && error !== null ? statuses.get(error) : undefined
}

export function createTestApi(options: TestApiOptions): (user: User | null) => Api {
  const { definition, granted, settings, jobs, db, log, env, assets, fetch, data, events } = options

  const need = (permission: string) => {
    if (granted.has(permission)) return
    throw new PluginSecurityError(`Plugin "${definition.id}" was not granted the permission "${permission}"`, {
      code: "PERMISSION_MISSING",
    })
  }
  const write =
    (level: TestLogLine["level"]) =>
    async (message: string, fields: Record<string, Json> = {}) =>
      void log.push({ level, message, fields })

  const apiFor = (user: User | null): Api => {
    const self = (): User => {
      if (user) return user
      throw new PluginSecurityError(`Plugin "${definition.id}" acts for nobody here`, { code: "FORBIDDEN" })
    }
    return {
      ...createTestData({ definition, user, data, need, write, events, guard }),
      jobs: createTestJobsApi({ definition, jobs, user, self, need, guard }),
      db,
      settings: {
        get: async () => structuredClone(settings.current) as Record<string, unknown>,
        set: guard(async (changes) => settings.set(changes)),
      },
      log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
      asset: guard(async (path: string) => {
        if (Object.hasOwn(assets, path)) return new Response(assets[path])
        throw new PluginError(`Plugin "${definition.id}" has no file "${path}"`, { code: "ASSET_NOT_FOUND" })
      }),
      env: guard(async (name: string) => {
        need(`env:${name}`)
        return Object.hasOwn(env, name) ? env[name] : undefined
      }),
      fetch: guard(async (url, init = {}) => askTest(fetch, String(url), init, need)),
      as: guard(async ({ id }) => {
        need("system")
        const find = data.services?.users?.get
        if (find) return apiFor(await find(id))
        throw new PluginError('api.as needs to know users: give "data.services.users.get"', { code: "NOT_YET" })
      }),
      asSystem: guard(async () => {
        need("system")
        return apiFor(systemUser)
      }),
    }
  }
  return apiFor
}

const systemUser: User = {
  id: "system",
  username: "system",
  email: null,
  is_admin: true,
  is_readonly: false,
  is_active: true,
}

const known: Record<string, number> = {
  PERMISSION_MISSING: 403,
  FORBIDDEN: 403,
  FETCH_REFUSED: 403,
  NOT_FOUND: 404,
  ASSET_NOT_FOUND: 404,
  JOB_NOT_CANCELABLE: 409,
  JOB_NUMBER_TAKEN: 409,
  CONFLICT: 409,
  NAME_TAKEN: 409,
  VERSION_STALE: 412,
  VALIDATION_FAILED: 422,
  PLUGIN_INVALID: 422,
  PLUGIN_VALIDATION: 422,
  QUERY_FAILED: 500,
  QUERY_REFUSED: 500,
  NOT_YET: 501,
  FETCH_FAILED: 502,
}

export function guard<Arguments extends unknown[], Result>(call: (...values: Arguments) => Promise<Result>) {
  return async (...values: Arguments): Promise<Result> => {
    try {
      return await call(...values)
    } catch (error) {
      throw withStatus(error)
    }
  }
}

export function withStatus(error: unknown): unknown {
  if (error instanceof PluginError) statuses.set(error, known[error.code] ?? 400)
  return error
}
