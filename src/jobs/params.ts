import type { Json } from "@pagoda/sdk"
import { Type } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import { type Issue, PagodaError } from "../errors.ts"
import { toIssues } from "../issues.ts"
import type { Operation } from "./operations.ts"

const anyObject = Type.Object({})

/** What `run` gets: the defaults of the operation's schema filled in. Throws with every problem at once. */
export function toParams(operation: Operation, given: Json | undefined): Json {
  const schema = operation.params ?? anyObject
  const params = Value.Default(schema, structuredClone(given ?? {})) as Json
  const issues = toIssues(schema, params)
  if (issues.length === 0) return params
  throw new PagodaError("VALIDATION_FAILED", `The params do not fit ${operation.name}: ${toList(issues)}`, {
    issues: issues.map((issue) => ({ ...issue, path: toPath(issue) })),
    plugin: operation.plugin ?? undefined,
  })
}

function toPath({ path }: Issue): string {
  return path === "" ? "params" : `params.${path}`
}

function toList(issues: Issue[]): string {
  return issues.map((issue) => `${toPath(issue)}: ${issue.message}`).join("; ")
}
