import type { Json } from "@pagoda/sdk"
import type { Issue } from "../../errors.ts"
import { isObject, join, show } from "../fields.ts"
import { type Operand, operandTypes, parseBoolean } from "./filter-operands.ts"
import { explainUnknown, findAttribute, findField, type Scope, type Target } from "./filter-targets.ts"

export const operators = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "contains", "isnull"] as const
export type Operator = (typeof operators)[number]

/**
 * Attribute name → the value it equals, or one of an array, or operator → operand. Every condition has to hold, and of an array's items one
 * has to: `ne` is the opposite of `eq`, so that what has no value is found by it. Operands may be texts.
 */
export type Filter = { readonly [attribute: string]: Json | { readonly [operator in Operator]?: Json } }

/** One part of a filter that makes sense. */
export type Condition =
  | { readonly target: Target; readonly operator: "isnull"; readonly isNull: boolean }
  | { readonly target: Target; readonly operator: Exclude<Operator, "isnull">; readonly operands: readonly Operand[] }

const operandLimit = 1000

/** All that is wrong goes to `issues`, with paths such as `filter.cpu.gte`. */
export function parseFilter(filter: unknown, scope: Scope, issues: Issue[]): Condition[] {
  if (filter === undefined) return []
  if (!isObject(filter)) {
    issues.push({ path: "filter", message: "the filter is no object of attribute names", code: "FILTER_INVALID" })
    return []
  }
  return Object.entries(filter).flatMap(([name, wanted]) => parseAttribute(name, wanted as Json, scope, issues))
}

function parseAttribute(name: string, wanted: Json, scope: Scope, issues: Issue[]): Condition[] {
  const path = join("filter", name)
  const target = findAttribute(name, scope) ?? findField(name)
  if (!target) {
    issues.push({ path, message: explainUnknown(name, scope), code: "ATTRIBUTE_UNKNOWN" })
    return []
  }
  if (!isObject(wanted)) return parseCondition(target, wanted === null ? "isnull" : "eq", wanted ?? true, path, issues)
  return Object.entries(wanted).flatMap(([operator, operand]) => {
    const here = join(path, operator)
    if (isOperator(operator)) return parseCondition(target, operator, operand as Json, here, issues)
    const message = `there is no operator "${operator}", wanted one of ${list(operators)}`
    issues.push({ path: here, message, code: "OPERATOR_UNKNOWN" })
    return []
  })
}

function parseCondition(target: Target, asked: Operator, value: Json, path: string, issues: Issue[]): Condition[] {
  const operator = asked === "eq" && Array.isArray(value) ? "in" : asked
  const { operators: known, wanted, parse } = operandTypes[target.type]
  const refuse = (message: string, code: string) => {
    issues.push({ path, message, code })
    return []
  }
  if (!known.includes(operator)) {
    return refuse(`what it holds cannot be asked by "${operator}", wanted one of ${list(known)}`, "OPERATOR_INVALID")
  }
  if (operator === "isnull") {
    const isNull = parseBoolean(value)
    if (isNull === undefined) return refuse(`the value is ${show(value)}, wanted "true" or "false"`, "OPERAND_INVALID")
    return [{ target, operator, isNull }]
  }
  const values = operator === "in" ? toList(value) : [value]
  if (values.length > operandLimit) {
    return refuse(`there are ${values.length} values, wanted at most ${operandLimit}`, "OPERAND_INVALID")
  }
  const operands: Operand[] = []
  for (const one of values) {
    const operand = operator === "contains" ? operandTypes.text.parse(one) : parse(one)
    const kind = operator === "contains" ? operandTypes.text.wanted : wanted
    if (operand === undefined) return refuse(`the value is ${show(one)}, wanted ${kind}`, "OPERAND_INVALID")
    operands.push(operand)
  }
  return [{ target, operator, operands }]
}

/** A JSON array, in a query also as text; else the parts between commas. */
function toList(value: Json): Json[] {
  if (Array.isArray(value)) return value
  if (typeof value !== "string") return [value]
  if (value.startsWith("[")) {
    try {
      const parsed = JSON.parse(value)
      if (Array.isArray(parsed)) return parsed
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return value.split(",")
}

function isOperator(name: string): name is Operator {
  return (operators as readonly string[]).includes(name)
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ")
}
