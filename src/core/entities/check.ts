import { and, eq, inArray } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { Issue } from "../../errors.ts"
import type { Viewer } from "../access/viewer.ts"
import type { Access } from "../access.ts"
import type { AttributeLevels } from "../entries/view.ts"
import { refuseIssues } from "../refuse.ts"
import type { Findings } from "./attribute-fields.ts"
import { type AttributePlan, planAttributes } from "./attributes.ts"
import { checkEntityBody, type EntityFields } from "./body.ts"
import type { References } from "./references.ts"
import type { EntitySchema } from "./schemas.ts"

/** What is to be written. */
export type CheckedEntity = { readonly fields: Partial<EntityFields>; readonly attributes: AttributePlan }

/** What is there already, for a change. */
export type Existing = { readonly schema: EntitySchema; readonly levels: AttributeLevels }

export type EntityCheck = (viewer: Viewer, body: unknown, existing?: Existing) => Promise<CheckedEntity>

/** @throws VALIDATION_FAILED with all problems of the body at once, or with their own code where they share one */
export function createEntityCheck({ db, tables }: Database, access: Access, references: References): EntityCheck {
  const { entity } = tables

  async function findMissing(viewer: Viewer, referrals: Findings["referrals"]): Promise<Issue[]> {
    if (referrals.length === 0) return []
    const ids = [...new Set(referrals.map(({ id }) => id))]
    const rule = access.condition(viewer, "readable", "entity", entity)
    const rows = await db
      .select({ id: entity.id })
      .from(entity)
      .where(and(inArray(entity.id, ids), eq(entity.is_active, true), rule))
    const found = new Set(rows.map(({ id }) => id))
    return referrals
      .filter(({ id }) => !found.has(id))
      .map(({ id, path }) => ({ path, message: `there is no entity ${id}`, code: "REFERENCE_MISSING" }))
  }

  return async (viewer, body, existing) => {
    const { fields, attrs, issues } = await checkEntityBody(body, { partial: existing !== undefined })
    const attributes = planAttributes(attrs, existing?.schema, existing?.levels)
    issues.push(...attributes.issues)
    issues.push(...(await findMissing(viewer, attributes.referrals)))
    issues.push(...(await references.check(viewer, attributes.references)))
    if (!existing && !viewer.isAll) issues.push(...refuseOrphan(fields))
    refuseIssues(
      `Cannot ${existing ? `change the entity "${existing.schema.entity.name}"` : "make the entity"}`,
      issues,
    )
    return { fields, attributes }
  }
}

/** A new object has no roles yet. */
function refuseOrphan({ is_public = true, default_permission = "nothing" }: Partial<EntityFields>): Issue[] {
  if (is_public || default_permission === "full") return []
  const message = 'nobody but an admin would have "full" access: make it public, or "full" by default'
  return [{ path: "is_public", message, code: "ACCESS_ORPHANED" }]
}
