import type { TSchema } from "@sinclair/typebox"
import { Value, ValueErrorType } from "@sinclair/typebox/value"
import type { Issue } from "./errors.ts"

/** All problems of a value at once; `path` is dotted from its root. */
export function toIssues(schema: TSchema, value: unknown): Issue[] {
  const seen = new Map<string, Issue>()
  for (const { path, message, type, schema: broken } of Value.Errors(schema, value)) {
    const dotted = path.slice(1).replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~")
    if (!seen.has(dotted)) seen.set(dotted, { path: dotted, message: toChoices(broken) ?? message, code: toCode(type) })
  }
  return [...seen.values()]
}

/** `StringMaxLength` → `STRING_MAX_LENGTH`. */
export function toCode(type: ValueErrorType): string {
  return ValueErrorType[type].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()
}

/** What TypeBox only says of a union of literals is that it is one. */
export function toChoices(schema: object): string | undefined {
  const { anyOf } = schema as { anyOf?: unknown }
  if (!Array.isArray(anyOf) || !anyOf.every((one) => one?.const !== undefined)) return undefined
  return `Expected one of ${anyOf.map((one) => JSON.stringify(one.const)).join(", ")}`
}
