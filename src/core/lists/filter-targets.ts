import type { AttributeType } from "@pagoda/sdk"
import type { AttributeRow, EntitySchema } from "../entities/schemas.ts"

const entryFields = ["id", "name", "created_at", "updated_at"] as const
export type EntryField = (typeof entryFields)[number]

/** How operands are read and what may be asked. */
export type TargetType = "text" | "number" | "integer" | "boolean" | "date" | "datetime" | "reference" | "named"

/** What a condition or an ordering is about: a column of the entry, or the values of an attribute. */
export type Target =
  | { readonly type: TargetType; readonly field: EntryField }
  | { readonly type: TargetType; readonly attribute: AttributeRow }

const targetTypes: { readonly [Type in AttributeType]: TargetType } = {
  string: "text",
  text: "text",
  boolean: "boolean",
  number: "number",
  date: "date",
  datetime: "datetime",
  select: "text",
  multi_select: "text",
  object: "reference",
  named_object: "named",
  group: "reference",
  role: "reference",
  array_string: "text",
  array_number: "number",
  array_object: "reference",
  array_named_object: "named",
  array_group: "reference",
  array_role: "reference",
}

const fieldTypes: { readonly [Field in EntryField]: TargetType } = {
  id: "integer",
  name: "text",
  created_at: "datetime",
  updated_at: "datetime",
}

/** What may be named: attributes that the viewer may not read are as good as none. */
export type Scope = { readonly schema: EntitySchema | undefined; readonly hidden: ReadonlySet<number> }

export function findField(name: string): Target | undefined {
  const field = entryFields.find((known) => known === name)
  return field && { type: fieldTypes[field], field }
}

export function findAttribute(name: string, { schema, hidden }: Scope): Target | undefined {
  const attribute = schema?.byName.get(name)
  if (!attribute || hidden.has(attribute.id)) return undefined
  return { type: targetTypes[attribute.type], attribute }
}

/** Why nothing is called so. */
export function explainUnknown(name: string, { schema, hidden }: Scope): string {
  const wanted = `wanted ${entryFields.map((field) => `"${field}"`).join(", ")} or an attribute`
  if (!schema) return `there is no "${name}" without an entity, ${wanted} of the entity that "entity" says`
  const names = schema.attributes.filter(({ id }) => !hidden.has(id)).map(({ name }) => `"${name}"`)
  return `"${schema.entity.name}" has no "${name}", ${wanted}: ${names.join(", ") || "there are none"}`
}
