import type { AttributeType, Json } from "@pagoda/sdk"
import type { Issue } from "../../errors.ts"
import { type Fields, join, show } from "../fields.ts"
import { attributeTypes, isAttributeType, kinds } from "../kinds.ts"
import { checkName } from "../name.ts"
import type { AttributeReference } from "./references.ts"
import type { AttributeRow } from "./schemas.ts"

/** What of an attribute its entity's body says; the access rule has a route of its own. */
export const attributeFieldNames = [
  "name",
  "type",
  "is_mandatory",
  "referral",
  "choices",
  "default_value",
  "index",
] as const

export type AttributeFields = Pick<AttributeRow, (typeof attributeFieldNames)[number]>

/** What a check of attributes found. */
export type Findings = {
  readonly issues: Issue[]
  /** Entities that have to be there. */
  readonly referrals: { readonly id: number; readonly path: string }[]
  /** What default values refer to. */
  readonly references: AttributeReference[]
}

const choiceLimit = 1_000
const referralLimit = 1_000
const indexLimit = 2_147_483_647

/** @param fields all of them, of whoever asks, over what is there already or the defaults */
export function checkAttribute(
  fields: Fields,
  path: string,
  { issues, referrals, references }: Findings,
): AttributeFields {
  const { name, type, is_mandatory, referral, choices, default_value, index } = fields
  const refuse = (field: string, message: string, code: string) => {
    issues.push({ path: join(path, field), message, code })
  }
  issues.push(...checkName(name, "attribute", join(path, "name")))
  // an object would take it for something else
  if (name === "__proto__") refuse("name", 'the name of the attribute is "__proto__", wanted another', "NAME_INVALID")
  if (!isAttributeType(type)) {
    const message = `there is no attribute type ${show(type)}, wanted one of "${attributeTypes.join('", "')}"`
    issues.push({ path, message, code: "TYPE_UNKNOWN" })
  }
  if (typeof is_mandatory !== "boolean")
    refuse("is_mandatory", `this is ${show(is_mandatory)}, wanted true or false`, "BOOLEAN")
  if (!Number.isSafeInteger(index) || (index as number) < 0 || (index as number) > indexLimit) {
    refuse("index", `this is ${show(index)}, wanted an integer from 0 to ${indexLimit}`, "INTEGER")
  }

  const isReferring = isAttributeType(type) && refersToEntries(type)
  if (!Array.isArray(referral) || referral.length > referralLimit) {
    refuse("referral", `this is ${show(referral)}, wanted an array of at most ${referralLimit} entity ids`, "ARRAY")
  } else if (referral.length > 0 && isAttributeType(type) && !isReferring) {
    refuse("referral", `an attribute of type "${type}" refers to no entries, wanted no entity ids`, "REFERRAL")
  } else {
    for (const [at, id] of referral.entries()) {
      const here = join(join(path, "referral"), at)
      if (Number.isSafeInteger(id) && id > 0) referrals.push({ id, path: here })
      else issues.push({ path: here, message: `this is ${show(id)}, wanted an entity's id`, code: "REFERENCE" })
    }
  }

  const areChoices = checkChoices(choices, join(path, "choices"), issues)
  const fits = isAttributeType(type) && areChoices
  const value = fits ? checkDefault(default_value, type, choices as string[]) : (default_value as Json)
  return { ...fields, default_value: value } as AttributeFields

  function checkDefault(given: unknown, type: AttributeType, choices: string[]): Json {
    if (given === null) return null
    const here = join(path, "default_value")
    const before = issues.length
    const value = kinds[type].check(given, { choices }, here, issues)
    if (issues.length > before) return null
    const wanted = Array.isArray(referral) ? (referral as number[]) : []
    for (const reference of kinds[type].references(value, here)) references.push({ ...reference, referral: wanted })
    return value
  }
}

function refersToEntries(type: AttributeType): boolean {
  return /(?:^|_)object$/.test(type)
}

function checkChoices(choices: unknown, path: string, issues: Issue[]): choices is string[] {
  const before = issues.length
  if (!Array.isArray(choices) || choices.length > choiceLimit) {
    const message = `this is ${show(choices)}, wanted an array of at most ${choiceLimit} strings`
    issues.push({ path, message, code: "ARRAY" })
    return false
  }
  for (const [at, choice] of choices.entries()) {
    issues.push(...checkName(choice, "choice", join(path, at)))
    if (choices.indexOf(choice) === at) continue
    issues.push({ path: join(path, at), message: `the choice ${show(choice)} is there twice`, code: "DUPLICATE" })
  }
  return issues.length === before
}
