import {
  type Api,
  type JobRequest,
  PluginError,
  PluginSecurityError,
  PluginValidationError,
  type User,
} from "@pagoda/sdk"
import { PagodaError } from "../errors.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operations } from "../jobs/operations.ts"
import type { Log } from "../log.ts"
import type { FileTree } from "./tree.ts"

/** What one plugin's `api` is made of. */
export type ApiContext = {
  readonly id: string
  readonly granted: ReadonlySet<string>
  readonly settings: Record<string, unknown>
  readonly files: FileTree
  readonly jobs: Jobs
  readonly operations: Operations
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
}

/** One `api` a user: the same object for as long as the user is cached, so that a request makes none. */
export type ApiFor = (user: User | null) => Api

const statuses = new WeakMap<object, number>()

/** The status of an error that `api.*` threw; nothing for errors of the plugin's own, whatever they look like. */
export function apiErrorStatus(error: unknown): number | undefined {
  return typeof error === "object" && error !== null ? statuses.get(error) : undefined
}

export function createApiFor(context: ApiContext): ApiFor {
  const anonymous = createApi(context, null)
  const made = new WeakMap<User, Api>()
  return (user) => {
    if (!user) return anonymous
    const known = made.get(user)
    if (known) return known
    const api = createApi(context, user)
    made.set(user, api)
    return api
  }
}

function createApi(context: ApiContext, user: User | null): Api {
  const { id, granted, jobs, operations } = context
  const log = context.log.with({ plugin: id })

  const need = (permission: string) => {
    if (granted.has(permission)) return
    throw new PagodaError("PERMISSION_MISSING", `Plugin "${id}" was not granted the permission "${permission}"`)
  }
  const self = (): User => {
    if (user) return user
    throw new PagodaError("FORBIDDEN", `Plugin "${id}" acts for nobody here: the route is open and no one is logged in`)
  }
  const own = async (number: number) => {
    const job = await jobs.get(number, self())
    if (job.plugin === id) return job
    throw new PagodaError("NOT_FOUND", `There is no job ${number} of plugin "${id}"`)
  }

  return {
    jobs: {
      create: guard(async ({ operation, params, target }: JobRequest) => {
        need("jobs:create")
        if (operations.get(operation)?.plugin !== id) {
          throw new PagodaError("VALIDATION_FAILED", `Plugin "${id}" has no job operation ${operation}`, {
            issues: [{ path: "operation", message: "is no operation of this plugin", code: "OPERATION_UNKNOWN" }],
          })
        }
        return jobs.create({ operation, params, target, user: self() })
      }),
      get: guard(own),
      list: guard(async (filter = {}) => jobs.list(self(), { limit: 30, offset: 0, ...filter, plugin: id })),
      cancel: guard(async (number: number) => jobs.cancel((await own(number)).id, self())),
      register: notYet("jobs.register"),
      schedule: notYet("jobs.schedule"),
    },
    settings: { get: async () => structuredClone(context.settings), set: notYet("settings.set") },
    log: {
      debug: async (message, fields) => log.debug(message, fields),
      info: async (message, fields) => log.info(message, fields),
      warn: async (message, fields) => log.warn(message, fields),
      error: async (message, fields) => log.error(message, fields),
    },
    asset: guard(async (path: string) => {
      const bytes = context.files.get(path)
      if (!bytes) throw new PagodaError("ASSET_NOT_FOUND", `Plugin "${id}" has no file "${path}"`)
      return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": Bun.file(path).type } })
    }),
    env: guard(async (name: string) => {
      need(`env:${name}`)
      return context.env[name]
    }),
    fetch: notYet("fetch"),
    as: notYet("as"),
    asSystem: notYet("asSystem"),
  }
}

function notYet(name: string): () => Promise<never> {
  return guard(async () => {
    throw new PagodaError("NOT_YET", `api.${name} is not yet built`)
  })
}

/** The core's errors leave as the SDK's, with the status that a route which lets them through answers. */
function guard<Arguments extends unknown[], Result>(call: (...values: Arguments) => Promise<Result>) {
  return async (...values: Arguments): Promise<Result> => {
    try {
      return await call(...values)
    } catch (error) {
      throw error instanceof PagodaError ? toPluginError(error) : error
    }
  }
}

function toPluginError(error: PagodaError): PluginError {
  const kind = error.status === 403 ? PluginSecurityError : error.status === 422 ? PluginValidationError : PluginError
  const made = new kind(error.message, { code: error.code, path: error.issues?.[0]?.path, cause: error })
  statuses.set(made, error.status)
  return made
}
