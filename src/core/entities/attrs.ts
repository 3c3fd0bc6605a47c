import type { Json } from "@pagoda/sdk"
import type { Issue } from "../../errors.ts"
import { isObject, join, show } from "../fields.ts"
import { isEmpty, kinds } from "../kinds.ts"
import { checkName } from "../name.ts"
import type { AttributeReference } from "./references.ts"
import type { AttributeRow, EntitySchema } from "./schemas.ts"

export type CheckedAttrs = {
  /** Attribute name → value, as it is stored. Whole ones have every attribute. */
  readonly attrs: Record<string, Json>
  /** What has to be there: ask `references.check`. */
  readonly references: AttributeReference[]
  /** Everything that is wrong, each under `attrs.<name>`. */
  readonly issues: Issue[]
}

/** @param options.partial a change: what is left out stays as it is; else it becomes the default, or empty */
export function checkAttrs(
  { attributes, byName }: EntitySchema,
  given: unknown,
  { partial }: { partial: boolean },
): CheckedAttrs {
  const checked: CheckedAttrs = { attrs: {}, references: [], issues: [] }
  if (given !== undefined && !isObject(given)) {
    const message = `this is ${show(given)}, wanted an object of attribute names and values`
    checked.issues.push({ path: "attrs", message, code: "OBJECT" })
    return checked
  }
  const attrs = given ?? {}
  for (const name of Object.keys(attrs)) {
    if (byName.has(name)) continue
    const message = `the entity has no attribute ${show(name)}`
    checked.issues.push({ path: join("attrs", name), message, code: "ATTRIBUTE_UNKNOWN" })
  }
  for (const attribute of attributes) {
    const value = Object.hasOwn(attrs, attribute.name) ? attrs[attribute.name] : undefined
    if (value !== undefined || !partial) checkValue(attribute, value, checked)
  }
  return checked
}

function checkValue(attribute: AttributeRow, given: unknown, { attrs, references, issues }: CheckedAttrs): void {
  const { name, type, default_value, is_mandatory, referral } = attribute
  const kind = kinds[type]
  const path = join("attrs", name)
  const value = given === undefined ? default_value : given
  const before = issues.length
  const stored = value === null ? null : kind.check(value, attribute, path, issues)
  if (issues.length > before) return
  if (is_mandatory && isEmpty(stored)) {
    const is = given === undefined ? "missing" : show(given)
    issues.push({ path, message: `the value is ${is}, and the attribute is mandatory`, code: "MANDATORY" })
    return
  }
  attrs[name] = stored === null && given === undefined ? (kind.empty as Json) : stored
  if (stored === null) return
  for (const reference of kind.references(stored, path)) references.push({ ...reference, referral })
}

/** What is wrong with the name of an entry: also, that it does not fit the entity's pattern. */
export function checkEntryName({ entity, pattern }: EntitySchema, name: unknown, path = "name"): Issue[] {
  const issues = checkName(name, "entry", path)
  if (issues.length > 0 || !pattern || pattern.test(name as string)) return issues
  const message = `the name ${show(name)} does not fit the pattern "${entity.item_name_pattern}"`
  return [{ path, message, code: "NAME_PATTERN" }]
}
