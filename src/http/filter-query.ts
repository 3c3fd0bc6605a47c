import type { Json } from "@pagoda/sdk"
import type { Filter } from "../core/lists/filters.ts"
import { refuseIssues } from "../core/refuse.ts"
import type { Issue } from "../errors.ts"

/**
 * `filter[cpu]=4`, `filter[cpu][gte]=4`: the brackets encoded or not. A key that is repeated, also with `[]` behind it,
 * gives a list.
 */
export function parseFilterQuery(url: string): Filter | undefined {
  const at = url.indexOf("?")
  if (at < 0 || !url.includes("filter", at)) return undefined
  const filter = new Map<string, Map<string, string[]>>()
  const issues: Issue[] = []
  for (const [key, value] of new URLSearchParams(url.slice(at))) {
    if (key !== "filter" && !key.startsWith("filter[")) continue
    const [name, operator] = parseKey(key)
    if (name === undefined || operator === undefined) {
      const message = 'the parameter is not complete, wanted "filter[attribute]" or "filter[attribute][operator]"'
      issues.push({ path: key, message, code: "FILTER_INVALID" })
      continue
    }
    const operators = filter.get(name) ?? new Map<string, string[]>()
    filter.set(name, operators.set(operator, [...(operators.get(operator) ?? []), value]))
  }
  refuseIssues("Cannot list entries", issues)
  // an attribute may be called "__proto__"
  return Object.fromEntries([...filter].map(([name, operators]) => [name, toOperators(operators)]))
}

/** Names may have brackets of their own: the operator is what is between the last ones. */
function parseKey(key: string): [name?: string, operator?: string] {
  const whole = key.endsWith("][]") ? key.slice(0, -2) : key
  if (!whole.startsWith("filter[") || !whole.endsWith("]")) return []
  const inner = whole.slice("filter[".length, -1)
  const at = inner.lastIndexOf("][")
  return at < 0 ? [inner, "eq"] : [inner.slice(0, at), inner.slice(at + 2)]
}

function toOperators(operators: Map<string, string[]>): { [operator: string]: Json } {
  return Object.fromEntries(
    [...operators].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]),
  )
}
