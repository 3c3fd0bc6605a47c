import type { Attribute, Entity, Json } from "@pagoda/sdk"
import { PagodaError } from "../../errors.ts"
import type { Viewer } from "../access/viewer.ts"
import type { Access } from "../access.ts"
import { findHidden, type Hidden } from "../entries/view.ts"
import { isObject } from "../fields.ts"
import type { Hooks } from "../hooks.ts"
import { isAttributeType } from "../kinds.ts"
import type { AttributeRow, EntitySchema } from "./schemas.ts"

/** Entities as they are answered: without the attributes that the viewer may not read. */
export function createEntityView(access: Access, hooks: Hooks) {
  async function many(viewer: Viewer, schemas: readonly EntitySchema[]): Promise<Entity[]> {
    const hidden = await findHidden(access, viewer, schemas)
    return schemas.map((schema) => toEntity(schema, hidden))
  }

  async function one(viewer: Viewer, schema: EntitySchema): Promise<Entity> {
    return toEntity(schema, await findHidden(access, viewer, [schema]))
  }

  return {
    many,
    one,

    /** As `one`, with what handlers make of it. */
    async single(viewer: Viewer, schema: EntitySchema): Promise<Entity> {
      const entity = await one(viewer, schema)
      const { id, name } = entity
      if (!hooks.has("entity.get_attrs", name)) return entity
      const attrs: { [name: string]: Json } = Object.fromEntries(entity.attrs.map((item) => [item.name, item]))
      const call = { user: viewer.user, entity: { id, name }, attrs }
      const changed = await hooks.chain("entity.get_attrs", call, "attrs", checkAnswer)
      return { ...entity, attrs: Object.values(changed) as unknown as Attribute[] }
    },
  }
}

function toEntity({ entity, attributes }: EntitySchema, hidden: Hidden): Entity {
  const { id, name, note, item_name_pattern, ...rest } = entity
  const attrs = attributes.filter((attribute) => !hidden.has(attribute.id)).map(toAttribute)
  return { id, name, note, item_name_pattern, attrs, ...rest }
}

function toAttribute({ entity_id, is_active, is_public, default_permission, ...attribute }: AttributeRow): Attribute {
  return attribute
}

function checkAnswer(changed: unknown): { [name: string]: Json } {
  if (isObject(changed) && Object.values(changed).every(isAttribute)) return changed as { [name: string]: Json }
  throw new PagodaError("VALIDATION_FAILED", "The result is no object of attributes by their names")
}

function isAttribute(value: unknown): boolean {
  if (!isObject(value)) return false
  const { id, name, type, is_mandatory, referral, choices, default_value, index } = value
  const isList = Array.isArray(referral) && Array.isArray(choices)
  const isPlain = typeof name === "string" && typeof is_mandatory === "boolean" && default_value !== undefined
  return Number.isInteger(id) && Number.isInteger(index) && isAttributeType(type) && isList && isPlain
}
