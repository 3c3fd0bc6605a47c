import { ValueErrorType } from "@sinclair/typebox/value"
import type { Issue } from "../errors.ts"
import { toChoices, toCode } from "../issues.ts"

/** As TypeBox and the standard schemas tell it. */
type Found = {
  path?: unknown
  message?: unknown
  type?: number
  value?: unknown
  schema?: { error?: unknown; anyOf?: unknown }
}

/** Every problem that Elysia found, one a path, dotted from the root of the body, query or parameters. */
export function toIssueList(error: { all?: unknown }): Issue[] {
  const issues = new Map<string, Issue>()
  for (const found of Array.isArray(error.all) ? (error.all as Found[]) : []) {
    const path = toPath(found.path)
    if (!issues.has(path)) issues.set(path, toIssue(path, found))
  }
  return [...issues.values()]
}

/** Elysia puts `undefined` where a property is missing, so that TypeBox sees one of the wrong type. */
function toIssue(path: string, found: Found): Issue {
  const isMissing = path !== "" && found.value === undefined && found.type !== undefined
  const type = isMissing ? ValueErrorType.ObjectRequiredProperty : found.type
  const message = isMissing ? "Expected required property" : toMessage(found)
  return { path, message, code: type === undefined ? "INVALID" : toCode(type) }
}

function toPath(path: unknown): string {
  const text = Array.isArray(path) ? String(path[0] ?? "") : typeof path === "string" && path !== "root" ? path : ""
  const pointer = text.startsWith("/") ? text.slice(1).replaceAll("/", ".") : text
  return pointer.replaceAll("~1", "/").replaceAll("~0", "~")
}

/** A sentence of the schema's own wins. */
function toMessage({ message, schema }: Found): string {
  return typeof schema?.error === "string"
    ? schema.error
    : (toChoices(schema ?? {}) ?? String(message ?? "does not fit"))
}
