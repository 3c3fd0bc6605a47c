import { and, eq, inArray } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { Issue } from "../../errors.ts"
import type { Viewer } from "../access/viewer.ts"
import type { Access } from "../access.ts"
import type { Reference } from "../kinds.ts"

/** `referral`: the entities that an entry may be of; empty: any. */
export type AttributeReference = Reference & { readonly referral: readonly number[] }

export type References = {
  /** What is not there, or not for this viewer to know of. One statement a table at most. */
  check(viewer: Viewer, references: readonly AttributeReference[]): Promise<Issue[]>
}

/** Both databases bound the parameters of a statement. */
const referenceLimit = 20_000

export function createReferences({ db, tables }: Database, access: Access): References {
  const { entry, entity, group, role } = tables

  /** Id → what it is one of: the entity, for entries. */
  async function findEntries(viewer: Viewer, ids: number[]): Promise<Map<number, number>> {
    const rows = await db
      .select({ id: entry.id, entity_id: entry.entity_id })
      .from(entry)
      .innerJoin(entity, eq(entity.id, entry.entity_id))
      .where(
        and(
          inArray(entry.id, ids),
          eq(entry.is_active, true),
          access.condition(viewer, "readable", "entry", entry),
          access.condition(viewer, "readable", "entity", entity),
        ),
      )
    return new Map(rows.map(({ id, entity_id }) => [id, entity_id]))
  }

  async function find(viewer: Viewer, type: Reference["type"], ids: number[]): Promise<Map<number, number>> {
    if (type === "entry") return findEntries(viewer, ids)
    const table = type === "group" ? group : role
    const rows = await db.select({ id: table.id }).from(table).where(inArray(table.id, ids))
    return new Map(rows.map(({ id }) => [id, 0]))
  }

  return {
    async check(viewer, references) {
      const issues: Issue[] = []
      for (const [type, wanted] of Map.groupBy(references, ({ type }) => type)) {
        const ids = [...new Set(wanted.map(({ id }) => id))]
        if (ids.length > referenceLimit) {
          const message = `there are ${ids.length} references, wanted at most ${referenceLimit} at once`
          issues.push({ path: "attrs", message, code: "REFERENCES_TOO_MANY" })
          continue
        }
        const found = await find(viewer, type, ids)
        for (const { id, path, referral } of wanted) {
          const entityId = found.get(id)
          if (entityId === undefined) {
            issues.push({ path, message: `there is no ${type} ${id}`, code: "REFERENCE_MISSING" })
          } else if (type === "entry" && referral.length > 0 && !referral.includes(entityId)) {
            const message = `the entry ${id} is of another entity, wanted one of entity ${referral.join(" or ")}`
            issues.push({ path, message, code: "REFERENCE_WRONG_ENTITY" })
          }
        }
      }
      return issues
    },
  }
}
