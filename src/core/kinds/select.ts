import type { Json } from "@pagoda/sdk"
import type { Issue } from "../../errors.ts"
import { join, show } from "../fields.ts"
import type { Kind } from "../kinds.ts"
import { scalar, textKind } from "./scalar.ts"

export const choiceKind: Kind = {
  ...scalar,
  column: "text",
  check: (value, { choices }, path, issues) => checkChoice(value, choices, path, issues),
  toIndex: textKind.toIndex,
}

export const choicesKind: Kind = {
  ...scalar,
  empty: [],
  column: "text",
  isArray: true,
  check(value, { choices }, path, issues) {
    if (!Array.isArray(value)) {
      issues.push({ path, message: `the value is ${show(value)}, wanted an array of choices`, code: "ARRAY" })
      return null
    }
    const chosen = new Set<unknown>()
    return value.map((choice, position) => {
      const here = join(path, position)
      if (chosen.has(choice)) {
        issues.push({ path: here, message: `${show(choice)} is there twice, wanted it once`, code: "DUPLICATE" })
      }
      chosen.add(choice)
      return checkChoice(choice, choices, here, issues)
    })
  },
  toIndex: (value) => (value as string[]).flatMap((choice) => textKind.toIndex(choice)),
}

function checkChoice(value: unknown, choices: readonly string[], path: string, issues: Issue[]): Json {
  if (typeof value === "string" && choices.includes(value)) return value
  const wanted = choices.length === 0 ? "there are no choices" : `wanted one of "${choices.join('", "')}"`
  issues.push({ path, message: `the value is ${show(value)}, ${wanted}`, code: "CHOICE" })
  return null
}
