import type { Attribute, AttributeType, Json } from "@pagoda/sdk"
import type { Issue } from "../errors.ts"
import { arrayOf } from "./kinds/array.ts"
import { namedObjectKind, referenceKind } from "./kinds/reference.ts"
import { booleanKind, numberKind, textKind } from "./kinds/scalar.ts"
import { choiceKind, choicesKind } from "./kinds/select.ts"
import { dateKind, datetimeKind } from "./kinds/time.ts"

/** What a value is filtered, ordered, searched and followed by; `text` as it is, with what a database may not hold. */
export type IndexValue = {
  readonly text: string | null
  readonly number: number | null
  readonly ref_id: number | null
}

/** Something that must be there. */
export type Reference = { readonly type: "entry" | "group" | "role"; readonly id: number; readonly path: string }

/** All that differs between attribute types. No function is ever given `null`, which every type takes as empty. */
export type Kind = {
  /** What an entry without a value answers. */
  readonly empty: null | readonly []
  /** The column of `entry_value` that orders and compares; arrays have the one of their items, and are not ordered by. */
  readonly column: "text" | "number" | "ref_id"
  readonly isArray: boolean
  /** The value as it is stored; what is wrong with it goes to `issues`. */
  check(value: unknown, attribute: Pick<Attribute, "choices">, path: string, issues: Issue[]): Json
  /** Of a checked value; a row's place is its `position`. */
  toIndex(value: Json): IndexValue[]
  /** Of a checked value. */
  references(value: Json, path: string): Reference[]
}

const entryKind = referenceKind("entry")
const groupKind = referenceKind("group")
const roleKind = referenceKind("role")

export const kinds: { readonly [Type in AttributeType]: Kind } = {
  string: textKind,
  text: textKind,
  boolean: booleanKind,
  number: numberKind,
  date: dateKind,
  datetime: datetimeKind,
  select: choiceKind,
  multi_select: choicesKind,
  object: entryKind,
  named_object: namedObjectKind,
  group: groupKind,
  role: roleKind,
  array_string: arrayOf(textKind),
  array_number: arrayOf(numberKind),
  array_object: arrayOf(entryKind),
  array_named_object: arrayOf(namedObjectKind),
  array_group: arrayOf(groupKind),
  array_role: arrayOf(roleKind),
}

export const attributeTypes = Object.keys(kinds) as AttributeType[]

export function isAttributeType(type: unknown): type is AttributeType {
  return typeof type === "string" && Object.hasOwn(kinds, type)
}

/** What a mandatory attribute refuses. */
export function isEmpty(value: Json): boolean {
  if (value === null || value === "") return true
  if (Array.isArray(value)) return value.length === 0
  return typeof value === "object" && value.name === "" && value.id === null
}
