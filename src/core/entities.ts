import type { Entity, Json, Level, Page, User } from "@pagoda/sdk"
import { and, eq } from "drizzle-orm"
import type { Database, Transaction } from "../db/database.ts"
import { PagodaError } from "../errors.ts"
import { requireWriter } from "./access/require-admin.ts"
import type { Viewer } from "./access/viewer.ts"
import { type Access, requireLevel } from "./access.ts"
import type { AuditRecords } from "./audit.ts"
import { type CheckedEntity, createEntityCheck, type Existing } from "./entities/check.ts"
import type { References } from "./entities/references.ts"
import type { EntityRow, EntitySchema, Schemas } from "./entities/schemas.ts"
import { createEntityView } from "./entities/view.ts"
import { createEntityWrite } from "./entities/write.ts"
import { findLevels } from "./entries/view.ts"
import { show } from "./fields.ts"
import type { HookCall, HookName, Hooks } from "./hooks.ts"
import { naming } from "./name.ts"

export type EntityQuery = {
  /** A part of the name, in any letter case. */
  search?: string | undefined
  /** Left out: active ones. */
  is_active?: boolean | "all" | undefined
  /** 30 when left out. */
  limit?: number | undefined
  offset?: number | undefined
}

export type EntityPage = Pick<Page<Entity>, "count" | "results">
export type VersionOption = { version?: number | undefined }

/** Entities, with the access of who asks. Bodies are checked here: they may come from anywhere. */
export type Entities = {
  /** @throws FORBIDDEN, VALIDATION_FAILED, NAME_… */
  create(user: User, body: unknown): Promise<Entity>
  /** By id, one that was deleted too, or by the name of an active one. @throws NOT_FOUND */
  get(user: User, idOrName: number | string): Promise<Entity>
  /** By name. */
  list(user: User, query?: EntityQuery): Promise<EntityPage>
  /** @throws NOT_FOUND, FORBIDDEN, VERSION_STALE, VALIDATION_FAILED, NAME_… */
  update(user: User, id: number, body: unknown, options?: VersionOption): Promise<Entity>
  /** @throws NOT_FOUND, FORBIDDEN, VERSION_STALE; CONFLICT where it has live entries */
  delete(user: User, id: number, options?: VersionOption): Promise<void>
}

export type EntitiesContext = {
  database: Database
  access: Access
  schemas: Schemas
  references: References
  hooks: Hooks
  audit: AuditRecords
}

type Opened = { readonly viewer: Viewer; readonly schema: EntitySchema }
type Data = { [field: string]: Json }

/** Whoever changes an entity begins again where another was faster, but not for ever. */
const attempts = 5

export function createEntities({ database, access, schemas, references, hooks, audit }: EntitiesContext): Entities {
  const { db, tables, transaction } = database
  const { entity } = tables
  const check = createEntityCheck(database, access, references)
  const write = createEntityWrite(tables)
  const view = createEntityView(access, hooks)

  async function open(user: User, idOrName: number | string, wanted: Level): Promise<Opened> {
    const [viewer, schema] = await Promise.all([access.viewer(user), schemas.find(idOrName)])
    const level = schema && (await access.ownLevel(viewer, "entity", [schema.entity])).get(schema.entity.id)
    requireLevel(level ?? "nothing", wanted, `entity ${show(idOrName)}`)
    return { viewer, schema: schema as EntitySchema }
  }

  async function openActive(user: User, id: number, wanted: Level, { version }: VersionOption): Promise<Opened> {
    const opened = await open(user, id, wanted)
    const { entity: row } = opened.schema
    if (!row.is_active) throw new PagodaError("NOT_FOUND", `There is no entity ${id}: it was deleted`)
    if (version === undefined || version === row.version) return opened
    const problem = `it is at version ${row.version}, wanted ${version}; read it again`
    throw new PagodaError("VERSION_STALE", `Cannot change the entity "${row.name}": ${problem}`)
  }

  /** The body as the handlers before a write leave it, checked again after each. */
  async function prepare(hook: HookName, call: HookCall, viewer: Viewer, body: unknown, existing?: Existing) {
    const checked = await check(viewer, body, existing)
    const data = body as Data
    if (!hooks.has(hook, call.entity?.name ?? checked.fields.name ?? "")) return { data, checked }
    const changed = await hooks.chain(hook, { ...call, data }, "data", async (given) => {
      await check(viewer, given, existing)
      return given as Data
    })
    return { data: changed, checked: await check(viewer, changed, existing) }
  }

  /** What is told with a write, in its transaction. */
  async function record(handle: Transaction, action: "create" | "update" | "delete", call: HookCall): Promise<void> {
    const { user, entity: target, data = {} } = call
    // an object without a prototype, as a plugin may give it, is more than drizzle takes
    await audit.write(handle, user, action, "entity", target?.id ?? 0, { ...data })
    const hook: HookName = `entity.after_${action}`
    if (hooks.has(hook, target?.name ?? "")) await hooks.enqueue(handle, hook, call)
  }

  async function after(hook: HookName, call: HookCall): Promise<void> {
    if (hooks.has(hook, call.entity?.name ?? "")) await hooks.after(hook, call)
  }

  async function answer(viewer: Viewer, id: number): Promise<Entity> {
    const schema = await schemas.get(id)
    if (!schema) throw new PagodaError("NOT_FOUND", `There is no entity ${id}`)
    return view.one(viewer, schema)
  }

  return {
    async create(user, body) {
      requireWriter(user, "make an entity")
      const viewer = await access.viewer(user)
      const { data, checked } = await prepare("entity.before_create", { user }, viewer, body)
      const name = checked.fields.name as string
      const call = await naming("entity", name, () =>
        transaction(async (handle) => {
          const id = await write.create(handle, user, checked)
          const call = { user, entity: { id, name }, data }
          await record(handle, "create", call)
          return call
        }),
      )
      await after("entity.after_create", call)
      return answer(viewer, call.entity.id)
    },

    async get(user, idOrName) {
      const { viewer, schema } = await open(user, idOrName, "readable")
      return view.single(viewer, schema)
    },

    async list(user, { search = "", is_active = true, limit = 30, offset = 0 } = {}) {
      const viewer = await access.viewer(user)
      const rule = access.condition(viewer, "readable", "entity", entity)
      const all = await db
        .select({ id: entity.id, name: entity.name, version: entity.version })
        .from(entity)
        .where(and(is_active === "all" ? undefined : eq(entity.is_active, is_active), rule))
      // letter case and order of names differ between databases, and entities are few
      const part = search.toLowerCase()
      const found = all.filter(({ name }) => name.toLowerCase().includes(part)).sort(byName)
      const page = found.slice(offset, offset + limit)
      const known = await schemas.many(page)
      const wanted = page.flatMap(({ id }) => known.get(id) ?? [])
      return { count: found.length, results: await view.many(viewer, wanted) }
    },

    async update(user, id, body, options = {}) {
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const { viewer, schema } = await openActive(user, id, "writable", options)
        const existing = { schema, levels: await findLevels(access, viewer, [schema]) }
        const target = { user, entity: { id, name: schema.entity.name } }
        const { data, checked } = await prepare("entity.before_update", target, viewer, body, existing)
        if (changesNothing(schema.entity, checked)) return view.one(viewer, schema)
        const name = checked.fields.name ?? schema.entity.name
        const call = { user, entity: { id, name }, data }
        const isWritten = await naming("entity", name, () =>
          transaction(async (handle) => {
            const isDone = await write.update(handle, user, schema.entity, checked)
            if (isDone) await record(handle, "update", call)
            return isDone
          }),
        )
        if (!isWritten) continue
        await after("entity.after_update", call)
        return answer(viewer, id)
      }
      throw overtaken("change", id)
    },

    async delete(user, id, options = {}) {
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const { schema } = await openActive(user, id, "full", options)
        const { name } = schema.entity
        const call = { user, entity: { id, name }, data: {} }
        if (hooks.has("entity.before_delete", name)) {
          await hooks.chain("entity.before_delete", call, "data", () => call.data)
        }
        const isWritten = await transaction(async (handle) => {
          const isDone = await write.remove(handle, user, schema.entity)
          if (isDone) await record(handle, "delete", call)
          return isDone
        })
        if (!isWritten) continue
        return after("entity.after_delete", call)
      }
      throw overtaken("delete", id)
    },
  }
}

function overtaken(what: string, id: number): PagodaError {
  return new PagodaError("CONFLICT", `Cannot ${what} the entity ${id}: others keep changing it; try again`)
}

function changesNothing(row: EntityRow, { fields, attributes }: CheckedEntity): boolean {
  const { add, change, remove } = attributes
  const isSame = Object.entries(fields).every(([name, value]) => row[name as keyof EntityRow] === value)
  return isSame && add.length + change.length + remove.length === 0
}

function byName(a: { name: string; id: number }, b: { name: string; id: number }): number {
  if (a.name === b.name) return a.id - b.id
  return a.name < b.name ? -1 : 1
}
