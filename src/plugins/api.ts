import type { Api, JobRequest, User } from "@pagoda/sdk"
import { systemUser } from "../core/access.ts"
import { PagodaError } from "../errors.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operations } from "../jobs/operations.ts"
import type { Log } from "../log.ts"
import { type ApiCore, createDataApi } from "./api-data.ts"
import { guard, notYet } from "./api-error.ts"
import type { FileTree } from "./tree.ts"

/** What one plugin's `api` is made of. */
export type ApiContext = {
  readonly id: string
  readonly granted: ReadonlySet<string>
  readonly settings: Record<string, unknown>
  readonly files: FileTree
  readonly core: ApiCore
  readonly jobs: Jobs
  readonly operations: Operations
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
}

/** One `api` a user: the same object for as long as the user is cached, so that a request makes none. */
export type ApiFor = (user: User | null) => Api

export function createApiFor(context: ApiContext): ApiFor {
  const made = new WeakMap<User, Api>()
  const apiFor: ApiFor = (user) => {
    if (!user) return anonymous
    const known = made.get(user)
    if (known) return known
    // the plugin holds the user too: what it makes of him changes nothing here
    const api = createApi(context, Object.freeze({ ...user }), apiFor)
    made.set(user, api)
    return api
  }
  const anonymous = createApi(context, null, apiFor)
  return apiFor
}

function createApi(context: ApiContext, user: User | null, apiFor: ApiFor): Api {
  const { id, granted, core, jobs, operations } = context
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
    ...createDataApi({ id, core, user, self, need, log }),
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
    as: guard(async (other: Pick<User, "id">) => {
      need("system")
      const found = await core.users.get(String(other.id))
      if (found?.is_active) return apiFor(found)
      throw new PagodaError("NOT_FOUND", `There is no active user "${other.id}"`)
    }),
    asSystem: guard(async () => {
      need("system")
      return apiFor(systemUser)
    }),
  }
}
