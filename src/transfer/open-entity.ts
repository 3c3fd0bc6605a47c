import type { Level, User } from "@pagoda/sdk"
import type { Viewer } from "../core/access/viewer.ts"
import { requireLevel } from "../core/access.ts"
import type { Core } from "../core/core.ts"
import type { AttributeRow } from "../core/entities/schemas.ts"
import { findHidden } from "../core/entries/view.ts"
import { PagodaError } from "../errors.ts"

/** An active entity as a user sees it. */
export type OpenedEntity = {
  readonly viewer: Viewer
  readonly name: string
  /** Those that he may read, in their order. */
  readonly attributes: readonly AttributeRow[]
}

/** @throws NOT_FOUND, FORBIDDEN */
export async function openEntity(
  { access, schemas }: Pick<Core, "access" | "schemas">,
  user: User,
  id: number,
  wanted: Level,
): Promise<OpenedEntity> {
  const viewer = await access.viewer(user)
  const schema = await schemas.find(id)
  if (!schema?.entity.is_active) throw new PagodaError("NOT_FOUND", `There is no entity "${id}"`)
  const levels = await access.ownLevel(viewer, "entity", [schema.entity])
  requireLevel(levels.get(id) ?? "nothing", wanted, `entity "${id}"`)
  const hidden = await findHidden(access, viewer, [schema])
  const attributes = schema.attributes.filter((attribute) => !hidden.has(attribute.id))
  return { viewer, name: schema.entity.name, attributes }
}
