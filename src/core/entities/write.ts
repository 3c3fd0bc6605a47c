import type { User } from "@pagoda/sdk"
import { and, eq, inArray, sql } from "drizzle-orm"
import type { Transaction } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import { PagodaError } from "../../errors.ts"
import { kinds } from "../kinds.ts"
import { refuseIssues } from "../refuse.ts"
import type { AttributePlan } from "./attributes.ts"
import type { CheckedEntity } from "./check.ts"
import type { EntityRow } from "./schemas.ts"

/** Statements of one transaction. */
export function createEntityWrite(tables: Tables) {
  const { entity, attribute, entry, entry_value } = tables

  async function add(handle: Transaction, entityId: number, attributes: AttributePlan["add"]): Promise<void> {
    if (attributes.length === 0) return
    await handle.insert(attribute).values(attributes.map((fields) => ({ ...fields, entity_id: entityId })))
  }

  return {
    async create(handle: Transaction, user: User, { fields, attributes }: CheckedEntity): Promise<number> {
      const now = new Date().toISOString()
      const [row] = await handle
        .insert(entity)
        .values({ ...fields, ...written(user, now), created_by: user.id, created_at: now } as EntityRow)
        .returning({ id: entity.id })
      const { id } = row as { id: number }
      await add(handle, id, attributes.add)
      return id
    },

    /** `false`: it is not at this version any more, and nothing was written. */
    async update(
      handle: Transaction,
      user: User,
      { id, version }: EntityRow,
      checked: CheckedEntity,
    ): Promise<boolean> {
      if (!(await touch(handle, user, id, version, checked.fields))) return false
      const { add: added, change, remove } = checked.attributes
      await refuseTypeChange(handle, id, change)
      if (remove.length > 0) {
        const ids = remove.map((attribute) => attribute.id)
        await handle.update(attribute).set({ is_active: false }).where(inArray(attribute.id, ids))
        await handle.delete(entry_value).where(inArray(entry_value.attribute_id, ids))
      }
      // names may go round in a circle: first they are all given up
      const renamed = change.filter(({ old, fields }) => old.name !== fields.name).map(({ old }) => old.id)
      if (renamed.length > 1) {
        const name = sql`'/' || ${attribute.id}`
        await handle.update(attribute).set({ name }).where(inArray(attribute.id, renamed))
      }
      for (const { old, fields } of change) await handle.update(attribute).set(fields).where(eq(attribute.id, old.id))
      await add(handle, id, added)
      return true
    },

    /** Raises the version first: a create of an entry holds the row, so that the count sees it or it sees this. */
    async remove(handle: Transaction, user: User, { id, version, name }: EntityRow): Promise<boolean> {
      if (!(await touch(handle, user, id, version, { is_active: false }))) return false
      const live = and(eq(entry.entity_id, id), eq(entry.is_active, true))
      const [found] = await handle.select({ id: entry.id }).from(entry).where(live).limit(1)
      if (found)
        throw new PagodaError("CONFLICT", `Cannot delete the entity "${name}": it has entries; delete them first`)
      return true
    },
  }

  async function touch(handle: Transaction, user: User, id: number, version: number, fields: Partial<EntityRow>) {
    const rows = await handle
      .update(entity)
      .set({ ...fields, version: version + 1, ...written(user, new Date().toISOString()) })
      .where(and(eq(entity.id, id), eq(entity.version, version), eq(entity.is_active, true)))
      .returning({ id: entity.id })
    return rows.length > 0
  }

  /** Values that are stored must stay values of the type; what is empty looks different in an array. */
  async function refuseTypeChange(handle: Transaction, id: number, change: AttributePlan["change"]): Promise<void> {
    const changed = change.filter(({ old, fields }) => kinds[old.type] !== kinds[fields.type])
    if (changed.length === 0) return
    const ids = changed.map(({ old }) => old.id)
    const used = await handle
      .selectDistinct({ id: entry_value.attribute_id })
      .from(entry_value)
      .where(inArray(entry_value.attribute_id, ids))
    const [anyEntry] = await handle.select({ id: entry.id }).from(entry).where(eq(entry.entity_id, id)).limit(1)
    const isUsed = new Set(used.map((row) => row.id))
    const refused = changed.filter(
      ({ old, fields }) => isUsed.has(old.id) || (anyEntry && kinds[old.type].isArray !== kinds[fields.type].isArray),
    )
    const issues = refused.map(({ old, fields, path }) => {
      const message = `entries have values of type "${old.type}", so that it cannot become "${fields.type}"; add another attribute`
      return { path: `${path}.type`, message, code: "TYPE_IN_USE" }
    })
    refuseIssues("Cannot change the entity", issues)
  }
}

function written(user: User, now: string) {
  return { updated_by: user.id, updated_at: now }
}
