/**
 * Overrides: a plugin answers the standard operations on the entries of an entity that the operator binds to it.
 *
 * @module
 */
import type { Api } from "./api.ts"
import type { Entity, Entry, Json, User } from "./data.ts"
import type { PluginIdentity } from "./plugin.ts"

/** What may be overridden: the five operations on the entries of an entity. */
export type OverrideOperation = "create" | "retrieve" | "update" | "delete" | "list"

/** What an override gets. It runs after the access check: the user may do this. */
export type OverrideContext = {
  user: User
  api: Api
  plugin: PluginIdentity
  entity: Pick<Entity, "id" | "name">
  /** `retrieve`, `update`, `delete`: the entry as it is stored. */
  entry?: Entry
  /** `create`, `update`: the body of the request; `list`: its query. */
  data?: { [field: string]: Json }
  /** What the operator bound it with. */
  params: Json
  operation: OverrideOperation
}

/**
 * Answers in place of the standard operation: what it returns is the body of the answer, or the whole `Response`.
 * Returning nothing falls back to the standard operation.
 *
 * @throws what it throws is answered as that of a route: a `PluginError` with 400, an error of `api.*` with its own status
 */
export type Override = (context: OverrideContext) => unknown

/**
 * The overrides of a plugin; need the permission `entries:read`.
 *
 * @example
 * overrides: {
 *   create: async ({ data, api, entity, params }) => {
 *     const { prefix } = params as { prefix: string }
 *     const entry = await api.entries.create({ entity: entity.id, name: `${prefix}-${data?.name}`, attrs: {} })
 *     return { id: entry.id, name: entry.name }
 *   },
 * }
 */
export type Overrides = { [Operation in OverrideOperation]?: Override }
