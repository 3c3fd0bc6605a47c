import { type Api, type Json, type Level, type Notice, type PermissionTarget, t, type User } from "@pagoda/sdk"
import type { TSchema } from "@sinclair/typebox"
import type { Core } from "../core/core.ts"
import type { EntryLists } from "../core/entry-lists.ts"
import type { EventName } from "../core/hooks.ts"
import { PagodaError } from "../errors.ts"
import type { Log } from "../log.ts"
import { readArguments } from "./api-arguments.ts"
import { guard } from "./api-error.ts"
import { copyPlain } from "./plain.ts"

/** What of the core a plugin reaches through its `api`: each part is made when a call first needs it. */
export type ApiCore = Pick<Core, "entities" | "entries" | "entryLists" | "permissions" | "hooks" | "users">

export type DataApi = Pick<Api, "entities" | "entries" | "permissions" | "services" | "hooks">

/** Who acts, what was granted, and where it is written down. */
export type Acting = {
  readonly id: string
  readonly core: ApiCore
  readonly user: User | null
  /** @throws FORBIDDEN where nobody is logged in */
  self(): User
  /** @throws PERMISSION_MISSING */
  need(permission: string): void
  readonly log: Log
  /** Left out: only the log is told. */
  readonly notify?: ((notice: Notice) => Promise<void>) | undefined
}

/** What a plugin gives is checked and copied, so that it stays what was checked; what it gets is a copy as well. */
export function createDataApi({ id, core, user, self, need, log, notify }: Acting): DataApi {
  /** Needs the permission first, so that a plugin without it learns nothing else. */
  const call = <Arguments extends unknown[], Result>(
    name: string,
    { needs, takes }: { needs?: string; takes: TSchema[] },
    work: (user: User, ...values: Arguments) => Promise<Result>,
  ) =>
    guard(async (...values: Arguments): Promise<Result> => {
      if (needs !== undefined) need(needs)
      return copyPlain(await work(self(), ...(readArguments(`api.${name}`, takes, values) as Arguments)))
    })

  const [read, write] = ["entities:read", "entities:write"]
  const [readEntries, writeEntries] = ["entries:read", "entries:write"]
  return {
    entities: {
      get: call("entities.get", { needs: read, takes: [idOrName] }, (user, one: number | string) =>
        core.entities.get(user, one),
      ),
      list: call("entities.list", { needs: read, takes: [query] }, (user, filter = {}) =>
        core.entities.list(user, filter),
      ),
      create: call("entities.create", { needs: write, takes: [object] }, (user, body) =>
        core.entities.create(user, body),
      ),
      update: call(
        "entities.update",
        { needs: write, takes: [idSchema, object, options] },
        (user, one: number, body: object, options = {}) => core.entities.update(user, one, body, options),
      ),
      delete: call("entities.delete", { needs: write, takes: [idSchema] }, (user, one: number) =>
        core.entities.delete(user, one),
      ),
    },
    entries: {
      get: call("entries.get", { needs: readEntries, takes: [idSchema] }, (user, one: number) =>
        core.entries.get(user, one),
      ),
      list: call("entries.list", { needs: readEntries, takes: [query] }, (user, filter = {}) =>
        core.entryLists.list(user, filter),
      ),
      count: call("entries.count", { needs: readEntries, takes: [query] }, (user, filter = {}) =>
        core.entryLists.count(user, filter),
      ),
      aggregate: call(
        "entries.aggregate",
        { needs: readEntries, takes: [aggregation] },
        (user, filter: Parameters<EntryLists["aggregate"]>[1]) => core.entryLists.aggregate(user, filter),
      ),
      create: call(
        "entries.create",
        { needs: writeEntries, takes: [newEntry] },
        (user, { entity, ...body }: { entity: number | string }) => core.entries.create(user, entity, body),
      ),
      update: call(
        "entries.update",
        { needs: writeEntries, takes: [idSchema, object, options] },
        (user, one: number, body: object, options = {}) => core.entries.update(user, one, { ...body }, options),
      ),
      delete: call("entries.delete", { needs: writeEntries, takes: [idSchema] }, (user, one: number) =>
        core.entries.delete(user, one),
      ),
      restore: call("entries.restore", { needs: writeEntries, takes: [idSchema] }, (user, one: number) =>
        core.entries.restore(user, one),
      ),
    },
    permissions: {
      can: call("permissions.can", { takes: [level, target] }, (user, wanted: Level, { type, id }: PermissionTarget) =>
        core.permissions.can(user, wanted, type, id),
      ),
      require: call(
        "permissions.require",
        { takes: [level, target] },
        (user, wanted: Level, { type, id }: PermissionTarget) => core.permissions.require(user, wanted, type, id),
      ),
    },
    services: {
      search: call("services.search", { needs: readEntries, takes: [text, page] }, (user, q: string, page = {}) =>
        core.entryLists.search(user, q, page),
      ),
      notify: guard(async (...values) => {
        const [{ severity, message }] = readArguments("api.services.notify", [notice], values) as [Notice]
        await notify?.({ severity, message })
        log[severity === "warning" ? "warn" : severity](message, { notice: severity })
      }),
      users: {
        get: call("services.users.get", { needs: "users:read", takes: [text] }, async (_, wanted: string) => {
          const found = await core.users.get(wanted)
          if (found) return found
          throw new PagodaError("NOT_FOUND", `There is no user "${wanted}"`)
        }),
      },
    },
    hooks: {
      emit: guard(async (...values) => {
        const event = t.String({ pattern: `^${id}:.`, maxLength: 200 })
        const [name, data = null] = readArguments("api.hooks.emit", [event, anything], values) as [EventName, Json?]
        await core.hooks.emit(name, { user, data })
      }),
    },
  }
}

const idSchema = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const text = t.String({ maxLength: 65_536, pattern: "^[^\\0]*$" })
const idOrName = t.Union([idSchema, text])
const anything = t.Optional(t.Unknown())
const object = t.Record(t.String(), t.Unknown())
const page = t.Optional(
  t.Object({
    limit: t.Optional(t.Integer({ minimum: 1, maximum: 1000 })),
    offset: t.Optional(t.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  }),
)
const filter = {
  ...page.properties,
  entity: t.Optional(idOrName),
  search: t.Optional(text),
  filter: t.Optional(object),
  ordering: t.Optional(text),
  is_active: t.Optional(t.Union([t.Boolean(), t.Literal("all")])),
  created_from: t.Optional(text),
  created_to: t.Optional(text),
}
const closed = { additionalProperties: false }
const query = t.Optional(t.Object(filter, closed))
const aggregation = t.Object({ ...filter, group_by: t.Literal("entity") }, closed)
const newEntry = t.Object({ entity: idOrName })
const options = t.Optional(t.Object({ version: t.Optional(t.Integer()) }, closed))
const level = t.Union([t.Literal("nothing"), t.Literal("readable"), t.Literal("writable"), t.Literal("full")])
const target = t.Object({
  type: t.Union([t.Literal("entity"), t.Literal("attribute"), t.Literal("entry")]),
  id: idSchema,
})
const notice = t.Object({
  severity: t.Union([t.Literal("info"), t.Literal("warning"), t.Literal("error")]),
  message: text,
})
