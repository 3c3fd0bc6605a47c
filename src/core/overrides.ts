import { type Entity, type Entry, type Json, type OverrideOperation, t, type User } from "@pagoda/sdk"
import { and, asc, eq, inArray } from "drizzle-orm"
import type { Database, Transaction } from "../db/database.ts"
import { PagodaError } from "../errors.ts"
import type { Undo } from "../undo.ts"
import { requireAdmin, requireAdminWriter } from "./access/require-admin.ts"
import type { Audit } from "./audit.ts"
import { parseBody } from "./body.ts"

export const overrideOperations: readonly OverrideOperation[] = ["create", "retrieve", "update", "delete", "list"]

/** The operations of one entity that the operator gave to one plugin, and what he told it. */
export type OverrideBinding = { plugin: string; operations: OverrideOperation[]; params: Json }

/** What an override is told, besides its own plugin's `api`. Plain data: it may run in another process. */
export type OverrideCall = {
  readonly user: User
  readonly entity: Pick<Entity, "id" | "name">
  readonly entry?: Entry | undefined
  readonly data?: { readonly [field: string]: unknown } | undefined
  readonly params: Json
  readonly operation: OverrideOperation
}

/** Gives the body of the answer, a `Response`, or nothing. */
export type RunOverride = (call: OverrideCall) => unknown

export type Overrides = {
  /** A plugin that is active answers this operation, for the entities that are bound to it. */
  register(plugin: string, operation: OverrideOperation, run: RunOverride): Undo
  /** Whether any active plugin overrides it: ask before anything is made for a call. */
  has(operation: OverrideOperation): boolean
  /** Whether an active plugin answers it for this entity, or for that of this entry. */
  isBound(operation: OverrideOperation, target: { entity: number } | { entry: number }): Promise<boolean>
  /** After the access check. Nothing: the standard operation answers. */
  run(call: Omit<OverrideCall, "params">): Promise<{ plugin: string; answer: unknown } | undefined>
  /** By plugin; admins only. @throws FORBIDDEN, NOT_FOUND for the entity */
  list(user: User, entityId: number): Promise<OverrideBinding[]>
  /** Replaces what the plugin had of the entity. @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED, OVERRIDE_CONFLICT */
  bind(user: User, entityId: number, body: unknown): Promise<OverrideBinding>
  /** All of the entity's, or those of one plugin. @throws FORBIDDEN, NOT_FOUND where there is none */
  unbind(user: User, entityId: number, plugin?: string): Promise<void>
}

export const operationSchema = t.Unsafe<OverrideOperation>(
  t.Union(overrideOperations.map((operation) => t.Literal(operation))),
)

/** What binds an entity to a plugin. */
export const overrideBody = t.Object(
  {
    plugin: t.String({ minLength: 1, maxLength: 100, description: "The id of a plugin of the lockfile" }),
    operations: t.Array(operationSchema, { minItems: 1, uniqueItems: true, description: "What the plugin answers" }),
    params: t.Optional(
      t.Record(t.String(), t.Unknown(), { description: "Handed to the plugin's overrides as they are" }),
    ),
  },
  { additionalProperties: false },
)

export function createOverrides(database: Database, audit: Audit): Overrides {
  const { db, tables, transaction } = database
  const handlers = new Map<OverrideOperation, Map<string, RunOverride>>()

  const requireEntity = async (handle: Pick<Transaction, "select">, id: number): Promise<string> => {
    const { entity } = tables
    const [row] = await handle
      .select({ name: entity.name })
      .from(entity)
      .where(and(eq(entity.id, id), eq(entity.is_active, true)))
    if (row) return row.name
    throw new PagodaError("NOT_FOUND", `There is no entity "${id}"`)
  }

  const read = async (handle: Pick<Transaction, "select">, id: number): Promise<OverrideBinding[]> => {
    const { entity_override: binding } = tables
    const rows = await handle.select().from(binding).where(eq(binding.entity_id, id)).orderBy(asc(binding.plugin))
    const byPlugin = Map.groupBy(rows, ({ plugin }) => plugin)
    return [...byPlugin].map(([plugin, own]) => ({
      plugin,
      operations: overrideOperations.filter((operation) => own.some((row) => row.operation === operation)),
      params: own[0]?.params ?? {},
    }))
  }

  const refuseTaken = async (handle: Transaction, id: number, name: string, wanted: OverrideBinding) => {
    const { entity_override: binding } = tables
    const taken = await handle
      .select()
      .from(binding)
      .where(and(eq(binding.entity_id, id), inArray(binding.operation, wanted.operations)))
    const issues = taken
      .filter(({ plugin }) => plugin !== wanted.plugin)
      .map(({ operation, plugin }) => ({
        path: `operations.${wanted.operations.indexOf(operation)}`,
        message: `"${operation}" of entity "${name}" is bound to plugin "${plugin}"`,
        code: "OVERRIDE_CONFLICT",
      }))
    if (issues.length === 0) return
    const why = issues.map(({ message }) => message).join("; ")
    const others = [...new Set(taken.map(({ plugin }) => plugin))].filter((plugin) => plugin !== wanted.plugin)
    const mend = others.map((plugin) => `"DELETE /api/v2/admin/entities/${id}/override?plugin=${plugin}"`).join(", ")
    throw new PagodaError(
      "OVERRIDE_CONFLICT",
      `Cannot bind entity "${name}" to plugin "${wanted.plugin}": ${why}; free it with ${mend}`,
      { issues },
    )
  }

  return {
    register(plugin, operation, run) {
      const own = handlers.get(operation) ?? new Map<string, RunOverride>()
      handlers.set(operation, own.set(plugin, run))
      return () => {
        if (own.get(plugin) === run) own.delete(plugin)
      }
    },

    has: (operation) => (handlers.get(operation)?.size ?? 0) > 0,

    async isBound(operation, target) {
      const active = handlers.get(operation)
      if (!active?.size) return false
      const { entry, entity_override: binding } = tables
      const id =
        "entity" in target
          ? target.entity
          : db.select({ id: entry.entity_id }).from(entry).where(eq(entry.id, target.entry))
      const rows = await db
        .select({ plugin: binding.plugin })
        .from(binding)
        .where(and(eq(binding.operation, operation), eq(binding.entity_id, id)))
      return rows.some(({ plugin }) => active.has(plugin))
    },

    async run(call) {
      const { entity, operation } = call
      const active = handlers.get(operation)
      if (!active?.size) return undefined
      const { entity_override: binding } = tables
      const [row] = await db
        .select({ plugin: binding.plugin, params: binding.params })
        .from(binding)
        .where(and(eq(binding.entity_id, entity.id), eq(binding.operation, operation)))
      const run = row && active.get(row.plugin)
      if (!run) return undefined
      const answer = await run({ ...call, params: row.params })
      return answer === undefined ? undefined : { plugin: row.plugin, answer }
    },

    async list(user, entityId) {
      requireAdmin(user, "see the overrides of an entity")
      await requireEntity(db, entityId)
      return read(db, entityId)
    },

    async bind(user, entityId, body) {
      const what = "bind the operations of an entity"
      requireAdminWriter(user, what)
      const { plugin, operations, params = {} } = parseBody(what, overrideBody, body)
      const wanted = { plugin, operations, params: params as Json }
      const { entity_override: binding } = tables
      return transaction(async (handle) => {
        const name = await requireEntity(handle, entityId)
        const before = (await read(handle, entityId)).find((one) => one.plugin === plugin) ?? null
        await handle.delete(binding).where(and(eq(binding.entity_id, entityId), eq(binding.plugin, plugin)))
        const rows = overrideOperations
          .filter((operation) => operations.includes(operation))
          .map((operation) => ({ entity_id: entityId, operation, plugin, params: wanted.params }))
        // of two that bind at once the key lets one in; the same order keeps them from waiting for each other
        const bound = await handle.insert(binding).values(rows).onConflictDoNothing().returning()
        if (bound.length < rows.length) await refuseTaken(handle, entityId, name, wanted)
        const after = (await read(handle, entityId)).find((one) => one.plugin === plugin) ?? wanted
        await audit(handle, user, "override", "entity", entityId, { before, after })
        return after
      })
    },

    async unbind(user, entityId, plugin) {
      const what = "free the operations of an entity"
      requireAdminWriter(user, what)
      const { entity_override: binding } = tables
      await transaction(async (handle) => {
        await requireEntity(handle, entityId)
        const before = (await read(handle, entityId)).filter((one) => plugin === undefined || one.plugin === plugin)
        if (before.length === 0) {
          const whose = plugin === undefined ? "" : ` to plugin "${plugin}"`
          throw new PagodaError("NOT_FOUND", `Entity "${entityId}" has no operation that is bound${whose}`)
        }
        const own = plugin === undefined ? undefined : eq(binding.plugin, plugin)
        await handle.delete(binding).where(and(eq(binding.entity_id, entityId), own))
        await audit(handle, user, "override", "entity", entityId, { before, after: null })
      })
    },
  }
}
