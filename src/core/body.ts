import type { Static, TObject } from "@sinclair/typebox"
import type { Issue } from "../errors.ts"
import { toIssues } from "../issues.ts"
import { isObject, toFields } from "./fields.ts"
import { refuseIssues } from "./refuse.ts"

/**
 * Checks a body that may come from anywhere, a plugin's code included; `more` finds what a schema cannot say. What the
 * schema does not name is refused.
 *
 * @param what is done, such as `make the group`
 */
export function parseBody<Schema extends TObject>(
  what: string,
  schema: Schema,
  body: unknown,
  more: (body: { [key: string]: unknown }) => Issue[] = () => [],
): Static<Schema> {
  const issues: Issue[] = []
  toFields(body, Object.keys(schema.properties), issues)
  const refused = new Set(issues.map(({ path }) => path))
  issues.push(...toIssues(schema, body).filter(({ path }) => !refused.has(path)))
  refuseIssues(`Cannot ${what}`, isObject(body) ? [...issues, ...more({ ...body })] : issues)
  return body as Static<Schema>
}

/** Text that both databases keep as it is, of at most 65 536 bytes. */
export function checkText(value: unknown, path: string): Issue[] {
  if (typeof value !== "string") return []
  if (value.includes("\0") || !value.isWellFormed()) {
    return [{ path, message: "the text has a NUL or half of a character", code: "TEXT_INVALID" }]
  }
  const bytes = Buffer.byteLength(value)
  return bytes <= longestText
    ? []
    : [{ path, message: `the text has ${bytes} bytes, wanted at most ${longestText}`, code: "TEXT_TOO_LONG" }]
}

const longestText = 65_536
