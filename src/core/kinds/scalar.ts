import { show } from "../fields.ts"
import type { Kind } from "../kinds.ts"
import { toPlainText } from "../search/text.ts"

const stringLimit = 65_536

export const scalar = { empty: null, isArray: false, references: () => [] } as const

export const textKind: Kind = {
  ...scalar,
  column: "text",
  check(value, _attribute, path, issues) {
    if (typeof value !== "string") {
      issues.push({ path, message: `the value is ${show(value)}, wanted a string`, code: "STRING" })
      return null
    }
    // three bytes a code unit at most: short ones need not be measured
    if (value.length * 3 > stringLimit && Buffer.byteLength(value) > stringLimit) {
      const message = `the value has ${Buffer.byteLength(value)} bytes, wanted at most ${stringLimit}`
      issues.push({ path, message, code: "STRING_TOO_LONG" })
    }
    return value
  },
  toIndex: (value) => [{ text: toPlainText(value as string), number: null, ref_id: null }],
}

export const numberKind: Kind = {
  ...scalar,
  column: "number",
  check(value, _attribute, path, issues) {
    if (typeof value === "number" && Number.isFinite(value)) return value
    const given = typeof value === "number" ? String(value) : show(value)
    issues.push({ path, message: `the value is ${given}, wanted a finite number`, code: "NUMBER" })
    return null
  },
  toIndex: (value) => [{ text: String(value), number: value as number, ref_id: null }],
}

export const booleanKind: Kind = {
  ...scalar,
  column: "number",
  check(value, _attribute, path, issues) {
    if (typeof value === "boolean") return value
    issues.push({ path, message: `the value is ${show(value)}, wanted true or false`, code: "BOOLEAN" })
    return null
  },
  toIndex: (value) => [{ text: null, number: value ? 1 : 0, ref_id: null }],
}
