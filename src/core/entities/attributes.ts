import type { Level } from "@pagoda/sdk"
import type { Issue } from "../../errors.ts"
import { grants } from "../access/levels.ts"
import { type Fields, isObject, join, show, toFields } from "../fields.ts"
import { type AttributeFields, attributeFieldNames, checkAttribute, type Findings } from "./attribute-fields.ts"
import type { AttributeRow, EntitySchema } from "./schemas.ts"

export type AttributePlan = Findings & {
  readonly add: AttributeFields[]
  readonly change: { readonly old: AttributeRow; readonly fields: AttributeFields; readonly path: string }[]
  readonly remove: AttributeRow[]
}

const attributeLimit = 1_000

const defaults = { is_mandatory: false, referral: [], choices: [], default_value: null }

/**
 * What a body's `attrs` ask for, with all that is wrong with it.
 *
 * @param schema what is there already
 * @param levels what the user may do with the attributes that are there; `full` where one is not named
 */
export function planAttributes(
  given: unknown,
  schema?: EntitySchema,
  levels: ReadonlyMap<number, Level> = new Map(),
): AttributePlan {
  const plan: AttributePlan = { add: [], change: [], remove: [], issues: [], referrals: [], references: [] }
  if (given === undefined) return plan
  if (!Array.isArray(given) || given.length > attributeLimit) {
    const message = `this is ${show(given)}, wanted an array of at most ${attributeLimit} attributes`
    plan.issues.push({ path: "attrs", message, code: "ARRAY" })
    return plan
  }
  const known = schema ? ["id", "is_deleted", ...attributeFieldNames] : attributeFieldNames
  const seen = new Set<number>()
  const named: Named[] = []
  let nextIndex = Math.max(-1, ...(schema?.attributes.map(({ index }) => index) ?? [])) + 1
  for (const [position, item] of given.entries()) {
    const path = join("attrs", position)
    const { id, is_deleted = false, ...fields } = toFields(item, known, plan.issues, path)
    if (!isObject(item)) continue
    const old = schema && id !== undefined ? findOld(id, path) : undefined
    if (schema && id !== undefined && !old) continue
    if (typeof is_deleted !== "boolean") {
      const message = `this is ${show(is_deleted)}, wanted true or false`
      plan.issues.push({ path: join(path, "is_deleted"), message, code: "BOOLEAN" })
    } else if (is_deleted && old) {
      plan.remove.push(old)
    } else if (is_deleted && schema) {
      plan.issues.push({ path: join(path, "id"), message: "the id of what to remove is missing", code: "REFERENCE" })
    } else {
      const base = old ? toFieldsOf(old) : { ...defaults, index: nextIndex++ }
      const checked = checkAttribute({ ...base, ...fields }, path, plan)
      named.push({ name: checked.name, path })
      if (!old) plan.add.push(checked)
      else if (!Bun.deepEquals(base, checked)) plan.change.push({ old, fields: checked, path })
    }
  }
  const untouched = schema?.attributes.filter(({ id }) => !seen.has(id)) ?? []
  plan.issues.push(...findDuplicates(untouched, named))
  if (untouched.length + named.length > attributeLimit) {
    const message = `the entity would have ${untouched.length + named.length} attributes, wanted at most ${attributeLimit}`
    plan.issues.push({ path: "attrs", message, code: "ARRAY_TOO_LONG" })
  }
  return plan

  function findOld(id: unknown, path: string): AttributeRow | undefined {
    const old = schema?.attributes.find((attribute) => attribute.id === id)
    const level = old ? (levels.get(old.id) ?? "full") : "nothing"
    if (!old || !grants(level, "readable")) {
      plan.issues.push({
        path: join(path, "id"),
        message: `there is no attribute ${show(id)}`,
        code: "REFERENCE_MISSING",
      })
    } else if (!grants(level, "writable")) {
      plan.issues.push({ path, message: `you may not change the attribute ${show(old.name)}`, code: "FORBIDDEN" })
    } else if (seen.has(old.id)) {
      plan.issues.push({ path: join(path, "id"), message: `the attribute ${old.id} is there twice`, code: "DUPLICATE" })
    } else {
      seen.add(old.id)
      return old
    }
  }
}

type Named = { readonly name: string; readonly path?: string }

function findDuplicates(untouched: readonly Named[], named: readonly Named[]): Issue[] {
  const names = new Set<string>()
  return [...untouched, ...named].flatMap(({ name, path }) => {
    const isTaken = names.has(name)
    names.add(name)
    if (!isTaken || path === undefined || typeof name !== "string") return []
    return [{ path, message: `there is another attribute ${show(name)}`, code: "DUPLICATE" }]
  })
}

function toFieldsOf(attribute: AttributeRow): Fields {
  return Object.fromEntries(attributeFieldNames.map((name) => [name, attribute[name]]))
}
