import type { Api, DatabaseApi, Notice, User } from "@pagoda/sdk"
import { systemUser } from "../core/access.ts"
import { PagodaError } from "../errors.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operations } from "../jobs/operations.ts"
import type { Log } from "../log.ts"
import { type ApiCore, createDataApi } from "./api-data.ts"
import { guard } from "./api-error.ts"
import { createFetchApi } from "./api-fetch.ts"
import { createJobsApi, type RegisterJob } from "./api-jobs.ts"
import type { PluginLimits } from "./limits.ts"
import { overLimit } from "./over-limit.ts"
import { copyPlain } from "./plain.ts"
import type { OpenSettings } from "./settings.ts"
import type { FileTree } from "./tree.ts"

/** What one plugin's `api` is made of. */
export type ApiContext = {
  readonly id: string
  readonly granted: ReadonlySet<string>
  readonly settings: Pick<OpenSettings, "current" | "set">
  readonly files: FileTree
  readonly core: ApiCore
  readonly db: DatabaseApi
  readonly jobs: Jobs
  readonly operations: Operations
  readonly register: RegisterJob
  readonly env: Readonly<Record<string, string | undefined>>
  readonly limits: PluginLimits
  readonly log: Log
  /** What administrators are told. */
  readonly notify?: ((notice: Notice) => Promise<void>) | undefined
}

/** One `api` a user: the same object for as long as the user is cached, so that a request makes none. */
export type ApiFor = (user: User | null) => Api

export function createApiFor({ id, granted, ...context }: ApiContext): ApiFor {
  const need = (permission: string) => {
    if (granted.has(permission)) return
    throw new PagodaError("PERMISSION_MISSING", `Plugin "${id}" was not granted the permission "${permission}"`)
  }
  const common = { ...context, id, need, fetch: createFetchApi({ limits: context.limits, need }) }
  const made = new WeakMap<User, Api>()
  const apiFor: ApiFor = (user) => {
    if (!user) return anonymous
    const known = made.get(user)
    if (known) return known
    // the plugin holds the user too: what it makes of him changes nothing here
    const api = createApi(common, Object.freeze({ ...user }), apiFor)
    made.set(user, api)
    return api
  }
  const anonymous = createApi(common, null, apiFor)
  return apiFor
}

type CommonContext = Omit<ApiContext, "granted"> & { need(permission: string): void; fetch: Api["fetch"] }

function createApi(context: CommonContext, user: User | null, apiFor: ApiFor): Api {
  const { id, settings, core, jobs, operations, register, limits, need } = context
  const log = context.log.with({ plugin: id })
  const notify = async (notice: Notice) => {
    if (!limits.take("notices_per_minute")) throw overLimit(limits, "notices_per_minute", "notify administrators")
    await context.notify?.(notice)
  }

  const self = (): User => {
    if (user) return user
    throw new PagodaError("FORBIDDEN", `Plugin "${id}" acts for nobody here: the route is open and no one is logged in`)
  }

  return {
    ...createDataApi({ id, core, user, self, need, log, notify }),
    jobs: createJobsApi({ id, jobs, operations, user, register, limits, self, need }),
    db: context.db,
    settings: {
      get: async () => copyPlain(settings.current),
      set: guard(async (changes) => settings.set(changes)),
    },
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
    fetch: guard(context.fetch),
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
