import { type Api, type JobDefinition, type Json, PluginError, PluginValidationError } from "@pagoda/sdk"
import type { MakeDatabase } from "@pagoda/sdk/host"
import { toMessage } from "../../errors.ts"
import { toPlain } from "../plain.ts"
import type { MethodPath } from "./calls.ts"
import type { Reply } from "./messages.ts"
import { packDefinition } from "./schemas.ts"
import { fromThrown } from "./thrown.ts"

export type RemoteApiContext = {
  /** Brings a call to the host. */
  ask(path: string, args: Json[], actor: string | undefined): Promise<Reply>
  createDatabase: MakeDatabase
  /** Keeps the handler of an operation that the host has registered. */
  keep(number: number, run: JobDefinition["run"]): void
}

/** The `api` of a handler that runs in a job process: each call is a message to the host, which has the real one. */
export function createRemoteApi(context: RemoteApiContext, actor?: string): Api {
  const ask = async (path: string, values: unknown[]) => {
    const reply = await context.ask(path, toArguments(path, values), actor)
    if ("thrown" in reply) throw fromThrown(reply.thrown)
    return reply
  }
  const to =
    (path: MethodPath) =>
    async (...values: unknown[]): Promise<never> => {
      const reply = await ask(path, values)
      return ("response" in reply ? toResponse(reply.response) : "value" in reply ? reply.value : undefined) as never
    }
  const as =
    (path: "as" | "asSystem") =>
    async (...values: unknown[]): Promise<Api> => {
      const reply = await ask(path, values)
      if ("actor" in reply) return createRemoteApi(context, reply.actor)
      throw new PluginError(`Cannot call api.${path}: the host answered something else`)
    }

  return {
    entities: {
      get: to("entities.get"),
      list: to("entities.list"),
      create: to("entities.create"),
      update: to("entities.update"),
      delete: to("entities.delete"),
    },
    entries: {
      get: to("entries.get"),
      list: to("entries.list"),
      count: to("entries.count"),
      aggregate: to("entries.aggregate"),
      create: to("entries.create"),
      update: to("entries.update"),
      delete: to("entries.delete"),
      restore: to("entries.restore"),
    },
    permissions: { can: to("permissions.can"), require: to("permissions.require") },
    services: {
      search: to("services.search"),
      notify: to("services.notify"),
      users: { get: to("services.users.get") },
    },
    hooks: { emit: to("hooks.emit") },
    jobs: {
      create: to("jobs.create"),
      get: to("jobs.get"),
      list: to("jobs.list"),
      cancel: to("jobs.cancel"),
      schedule: to("jobs.schedule"),
      async register(number, definition) {
        const { run, ...rest } = Object(definition) as JobDefinition
        if (typeof run !== "function") throw unfit("jobs.register", `its job ${number} has no "run"`)
        await ask("jobs.register", [number, packDefinition(rest)])
        context.keep(number, run)
      },
    },
    settings: { get: to("settings.get"), set: to("settings.set") },
    db: context.createDatabase({
      // its second argument may be left out, which JSON cannot say
      all: ((sql: string, params: Json[] = [], ...rest: unknown[]) => to("db.all")(sql, params, ...rest)) as never,
      run: to("db.run"),
      transaction: to("db.transaction"),
    }),
    log: { debug: to("log.debug"), info: to("log.info"), warn: to("log.warn"), error: to("log.error") },
    asset: to("asset"),
    env: to("env"),
    fetch: to("fetch"),
    as: as("as"),
    asSystem: as("asSystem"),
  }
}

/** JSON has no `undefined`: at the end it is left out, as arguments are that were not given. */
function toArguments(path: string, values: readonly unknown[]): Json[] {
  const end = values.findLastIndex((value) => value !== undefined) + 1
  try {
    return values.slice(0, end).map((value) => toPlain(value) ?? null)
  } catch (cause) {
    throw unfit(path, toMessage(cause), cause)
  }
}

function unfit(path: string, problem: string, cause?: unknown): PluginValidationError {
  return new PluginValidationError(`Cannot call api.${path}: ${problem}`, { code: "VALIDATION_FAILED", cause })
}

function toResponse({ status, headers, body }: Extract<Reply, { response: unknown }>["response"]): Response {
  return new Response(Buffer.from(body, "base64"), { status, headers })
}
