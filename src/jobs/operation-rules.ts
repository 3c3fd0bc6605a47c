import { Type } from "@sinclair/typebox"
import { PagodaError } from "../errors.ts"
import { toIssues } from "../issues.ts"
import type { Operation } from "./operations.ts"

/** Timers take no more. */
const longest = 2 ** 31 - 1

const rules = Type.Object({
  attempts: Type.Integer({ minimum: 1, maximum: 1_000 }),
  backoff: Type.Optional(
    Type.Object(
      {
        type: Type.Optional(Type.Union([Type.Literal("exponential"), Type.Literal("fixed")])),
        delay_ms: Type.Optional(Type.Number({ minimum: 0, maximum: longest })),
      },
      { additionalProperties: false },
    ),
  ),
  priority: Type.Optional(Type.Integer({ minimum: -1_000, maximum: 1_000 })),
  timeout_ms: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: longest })),
})

/** @throws PLUGIN_INVALID with all that does not fit */
export function checkOperation({ number, name, plugin, attempts, backoff, priority, timeout_ms }: Operation): void {
  const given = Object.entries({ attempts, backoff, priority, timeout_ms }).filter(([, value]) => value !== undefined)
  const issues = toIssues(rules, Object.fromEntries(given))
  if (issues.length === 0) return
  const list = issues.map(({ path, message }) => `${path}: ${message}`).join("; ")
  throw new PagodaError("PLUGIN_INVALID", `Cannot register job operation ${number} (${name}): ${list}`, {
    issues: issues.map((issue) => ({ ...issue, path: `jobs.${number}.${issue.path}` })),
    plugin: plugin ?? undefined,
  })
}
