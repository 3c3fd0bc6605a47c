import type { Api, Json } from "@pagoda/sdk"
import { guard } from "../api-error.ts"
import type { Reply } from "./messages.ts"
import { toThrown } from "./thrown.ts"

/** All that a handler in a job process reaches, by name: nothing is looked up in an object that a message names. */
const methods = {
  "entities.get": (api) => api.entities.get,
  "entities.list": (api) => api.entities.list,
  "entities.create": (api) => api.entities.create,
  "entities.update": (api) => api.entities.update,
  "entities.delete": (api) => api.entities.delete,
  "entries.get": (api) => api.entries.get,
  "entries.list": (api) => api.entries.list,
  "entries.count": (api) => api.entries.count,
  "entries.aggregate": (api) => api.entries.aggregate,
  "entries.create": (api) => api.entries.create,
  "entries.update": (api) => api.entries.update,
  "entries.delete": (api) => api.entries.delete,
  "entries.restore": (api) => api.entries.restore,
  "permissions.can": (api) => api.permissions.can,
  "permissions.require": (api) => api.permissions.require,
  "services.search": (api) => api.services.search,
  "services.notify": (api) => api.services.notify,
  "services.users.get": (api) => api.services.users.get,
  "hooks.emit": (api) => api.hooks.emit,
  "jobs.create": (api) => api.jobs.create,
  "jobs.get": (api) => api.jobs.get,
  "jobs.list": (api) => api.jobs.list,
  "jobs.cancel": (api) => api.jobs.cancel,
  "jobs.schedule": (api) => api.jobs.schedule,
  "settings.get": (api) => api.settings.get,
  "settings.set": (api) => api.settings.set,
  "db.all": (api) => api.db.all,
  "db.run": (api) => api.db.run,
  "db.transaction": (api) => api.db.transaction,
  "log.debug": (api) => api.log.debug,
  "log.info": (api) => api.log.info,
  "log.warn": (api) => api.log.warn,
  "log.error": (api) => api.log.error,
  asset: (api) => api.asset,
  env: (api) => api.env,
  fetch: (api) => api.fetch,
} satisfies Record<string, (api: Api) => (...values: never[]) => Promise<unknown>>

export type MethodPath = keyof typeof methods

/** Other users that a run acts for: each is asked for once. */
export type Actors = Map<string, Api>

export type ApiCall = { path: string; args: Json[]; actor?: string }

/** Makes a call for a handler that is elsewhere. Never throws. */
export async function answerCall(
  own: Api,
  actors: Actors,
  call: ApiCall,
  register: (args: Json[]) => void,
): Promise<Reply> {
  try {
    return await answer(own, actors, call, register)
  } catch (error) {
    const { stack: _, ...thrown } = toThrown(error)
    return { thrown }
  }
}

export function refuseCall({ path }: ApiCall, problem: string): Extract<Reply, { thrown: unknown }> {
  return { thrown: { name: "PluginError", message: `Cannot call api.${path}: ${problem}`, code: "JOB_OVER" } }
}

async function answer(own: Api, actors: Actors, call: ApiCall, register: (args: Json[]) => void): Promise<Reply> {
  const { path, args, actor } = call
  const api = actor === undefined ? own : actors.get(actor)
  if (!api) return refuseCall(call, `there is no actor "${actor}"`)
  const keep = (name: string, made: Api): Reply => {
    actors.set(name, made)
    return { actor: name }
  }
  if (path === "asSystem") return keep("system", await api.asSystem())
  if (path === "as")
    return keep(`user:${(args as [{ id?: unknown }?])[0]?.id}`, await api.as(args[0] as { id: string }))
  if (path === "jobs.register") {
    await guard(async () => register(args))()
    return {}
  }
  if (!Object.hasOwn(methods, path)) return refuseCall(call, "there is no such call")
  const method = methods[path as MethodPath](api) as (...values: Json[]) => Promise<unknown>
  const value = await method(...args)
  return value instanceof Response ? toReply(value) : { value: value as Json }
}

async function toReply(response: Response): Promise<Reply> {
  const body = Buffer.from(await response.arrayBuffer()).toString("base64")
  return { response: { status: response.status, headers: [...response.headers], body } }
}
