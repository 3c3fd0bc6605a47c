import type { Json } from "@pagoda/sdk"
import type { Issue } from "../../errors.ts"
import { join, show, toFields } from "../fields.ts"
import type { Kind, Reference } from "../kinds.ts"
import { toPlainText } from "../search/text.ts"
import { scalar, textKind } from "./scalar.ts"

/** The value is the id of something. */
export function referenceKind(type: Reference["type"]): Kind {
  return {
    ...scalar,
    column: "ref_id",
    check: (value, _attribute, path, issues) => checkId(value, type, path, issues),
    toIndex: (value) => [{ text: null, number: null, ref_id: value as number }],
    references: (value, path) => [{ type, id: value as number, path }],
  }
}

type NamedObject = { name: string; id: number | null }

/** `{name, id}`: an entry under a name of its own, or a name alone. */
export const namedObjectKind: Kind = {
  ...scalar,
  column: "ref_id",
  check(value, attribute, path, issues) {
    const { name, id } = toFields(value, ["name", "id"], issues, path)
    return {
      name: textKind.check(name, attribute, join(path, "name"), issues),
      id: id === null ? null : checkId(id, "entry", join(path, "id"), issues),
    }
  },
  toIndex(value) {
    const { name, id } = value as NamedObject
    return [{ text: toPlainText(name), number: null, ref_id: id }]
  },
  references(value, path) {
    const { id } = value as NamedObject
    return id === null ? [] : [{ type: "entry", id, path: join(path, "id") }]
  },
}

function checkId(value: unknown, type: Reference["type"], path: string, issues: Issue[]): Json {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number
  const article = type === "entry" ? "an" : "a"
  issues.push({ path, message: `the value is ${show(value)}, wanted the id of ${article} ${type}`, code: "REFERENCE" })
  return null
}
