import type { Level, User } from "@pagoda/sdk"
import { and, eq, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import type { Access, ObjectType, OwnRule } from "../access.ts"
import { lowest } from "./levels.ts"

type Ruled = { readonly type: ObjectType; readonly row: OwnRule }

/** Something with a rule of its own, and what is above it. */
export type AclObject = Ruled & {
  /** Such as `entity "Server"`. */
  readonly title: string
  readonly entityId: number
  readonly ancestors: readonly Ruled[]
}

/** Where the rules of the three kinds of objects are. */
export function createAclObjects({ tables: { attribute, entity, entry } }: Database) {
  const ruleOf = <Table extends typeof entity | typeof attribute | typeof entry>(table: Table) => ({
    id: table.id,
    name: table.name,
    is_public: table.is_public,
    default_permission: table.default_permission,
  })

  type Reader = Pick<Transaction, "select">
  type Found = { row: OwnRule & { name: string }; above: OwnRule | null }

  const readers: { [Type in ObjectType]: (handle: Reader, id: number) => Promise<Found[]> } = {
    entity: async (handle, id) => {
      const rows = await handle.select(ruleOf(entity)).from(entity).where(eq(entity.id, id))
      return rows.map((row) => ({ row, above: null }))
    },
    attribute: (handle, id) =>
      handle
        .select({ row: ruleOf(attribute), above: ruleOf(entity) })
        .from(attribute)
        .innerJoin(entity, eq(entity.id, attribute.entity_id))
        .where(and(eq(attribute.id, id), eq(attribute.is_active, true))),
    entry: (handle, id) =>
      handle
        .select({ row: ruleOf(entry), above: ruleOf(entity) })
        .from(entry)
        .innerJoin(entity, eq(entity.id, entry.entity_id))
        .where(eq(entry.id, id)),
  }

  return {
    /** @throws NOT_FOUND */
    async read(handle: Reader, type: ObjectType, id: number): Promise<AclObject> {
      const [found] = await readers[type](handle, id)
      if (!found) throw new PagodaError("NOT_FOUND", `There is no ${type} "${id}"`)
      const { row, above } = found
      const ancestors: Ruled[] = above ? [{ type: "entity", row: above }] : []
      return { type, row, title: `${type} "${id}"`, entityId: above?.id ?? row.id, ancestors }
    },

    /** Caches of an entity and its attributes go by its version. */
    async write(
      handle: Transaction,
      user: User,
      { type, row: { id }, entityId }: AclObject,
      rule: Omit<OwnRule, "id">,
    ) {
      const { is_public, default_permission } = rule
      const own = { is_public, default_permission }
      if (type === "entry") {
        await handle.update(entry).set(own).where(eq(entry.id, id))
        return
      }
      const touched = { updated_by: user.id, updated_at: new Date().toISOString() }
      await handle
        .update(entity)
        .set({ ...touched, ...(type === "entity" ? own : {}), version: sql`${entity.version} + 1` })
        .where(eq(entity.id, entityId))
      if (type === "attribute") await handle.update(attribute).set(own).where(eq(attribute.id, id))
    },
  }
}

/** The level that the object and all above it grant. */
export async function levelOn(access: Access, user: User, object: AclObject): Promise<Level> {
  const viewer = await access.viewer(user)
  let level: Level = "full"
  for (const { type, row } of [object, ...object.ancestors]) {
    const own = await access.ownLevel(viewer, type, [row])
    level = lowest(level, own.get(row.id) ?? "nothing")
  }
  return level
}
