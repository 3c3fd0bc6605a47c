import type { Json } from "@pagoda/sdk"
import { type Issue, PagodaError, toMessage } from "../../errors.ts"
import { toIssues } from "../../issues.ts"
import { suggest } from "../../suggestion.ts"
import { toPlain } from "../plain.ts"
import type { Declared } from "./schema.ts"
import { fill } from "./values.ts"

/** What is to be stored, by key; `undefined`: the default again. */
export type Changes = ReadonlyMap<string, Json | undefined>

/** Bytes of one value as JSON, as strings of entries have. */
const largest = 65_536

/** What somebody wants changed, checked against what the plugin declares. @throws VALIDATION_FAILED with every problem */
export function parseChanges(id: string, declared: Declared, given: unknown): Changes {
  const issues: Issue[] = []
  const changes = new Map<string, Json | undefined>()
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw refuse(id, [{ path: "", message: "wanted an object of settings", code: "OBJECT" }])
  }
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue
    const found = [...problemsOf(key, value, declared)]
    issues.push(...found)
    if (found.length === 0) changes.set(key, value === null ? undefined : toPlain(value))
  }
  if (issues.length > 0) throw refuse(id, issues)
  return changes
}

/** Values are in no message: any of them may be secret. */
function* problemsOf(key: string, value: unknown, declared: Declared): Generator<Issue> {
  const setting = declared.get(key)
  if (!setting) {
    yield { path: key, message: `is unknown${suggest(key, [...declared.keys()])}`, code: "UNKNOWN" }
    return
  }
  if (value === null) {
    if (setting.isRequired && fill(setting, undefined) === undefined) {
      yield { path: key, message: "has no default to return to, wanted a value", code: "REQUIRED" }
    }
    return
  }
  try {
    const plain = toPlain(value)
    const bytes = Buffer.byteLength(JSON.stringify(plain))
    if (bytes > largest) {
      yield { path: key, message: `has ${bytes} bytes as JSON, wanted at most ${largest}`, code: "TOO_LARGE" }
      return
    }
    for (const { path, ...issue } of toIssues(setting.schema, fill(setting, plain))) {
      yield { path: path === "" ? key : `${key}.${path}`, ...issue }
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    yield { path: key, message: toMessage(error), code: "JSON" }
  }
}

function refuse(id: string, issues: Issue[]): PagodaError {
  const list = issues.map(({ path, message }) => (path === "" ? message : `"${path}" ${message}`)).join("; ")
  return new PagodaError("VALIDATION_FAILED", `Cannot change the settings of plugin "${id}": ${list}`, { issues })
}
