import { Kind, OptionalKind, type TSchema } from "@sinclair/typebox"
import { type Issue, PagodaError, toMessage } from "../errors.ts"
import { toIssues } from "../issues.ts"
import { toPlain } from "./plain.ts"

/**
 * The arguments of a call of `api.*` as plain JSON that fits: what a plugin gives may be anything, whatever its types say.
 *
 * @param call such as `api.entries.get`
 * @throws VALIDATION_FAILED
 */
export function readArguments(call: string, schemas: readonly TSchema[], given: readonly unknown[]): unknown[] {
  return schemas.map((schema, index) => {
    const value = toJson(call, given[index])
    if (value === undefined && OptionalKind in schema) return undefined
    const issues = schema[Kind] === "Unknown" ? [] : toIssues(schema, value)
    if (issues.length === 0) return value
    const what = `its ${schemas.length > 1 ? `${index + 1}. ` : ""}argument`
    const all = issues.map(({ path, message }) => (path === "" ? message : `"${path}": ${message}`)).join("; ")
    throw unfit(`Cannot call ${call}: ${what} does not fit: ${all}`, issues)
  })
}

function toJson(call: string, value: unknown): unknown {
  try {
    return toPlain(value)
  } catch (cause) {
    const message = toMessage(cause)
    throw unfit(`Cannot call ${call}: ${message}`, [{ path: "", message, code: "JSON_INVALID" }], cause)
  }
}

function unfit(message: string, issues: Issue[], cause?: unknown): PagodaError {
  return new PagodaError("VALIDATION_FAILED", message, { issues, cause })
}
