import type { TSchema } from "@sinclair/typebox"
import { Value, type ValueError, ValueErrorType } from "@sinclair/typebox/value"
import { suggest } from "../../suggestion.ts"
import { idRule, isPluginId } from "../id.ts"
import { parseNpm } from "../source/npm.ts"
import { findSourceProblem } from "../source.ts"
import { isVersion } from "../versions.ts"
import { lockfileSchema } from "./schema.ts"

/** `at` says whether the value is wrong or the key. */
export type LockfileProblem = { path: string[]; at: "key" | "value"; message: string; code: string }

type Plugin = Record<string, unknown>

/** What is wrong with a value that should be a lockfile, all of it. */
export function findLockfileProblems(value: unknown): LockfileProblem[] {
  const version = (value as Plugin | null)?.lockfileVersion
  if (typeof version === "number" && version !== 1) {
    const message = `is ${version}, and this Pagoda reads only 1; it was written for another release`
    return [{ path: ["lockfileVersion"], at: "value", message, code: "LOCKFILE_VERSION" }]
  }
  const problems = new Map<string, LockfileProblem>()
  for (const problem of [...findShapeProblems(value), ...findMeaningProblems(value)]) {
    const key = JSON.stringify([problem.at, ...problem.path])
    if (!problems.has(key)) problems.set(key, problem)
  }
  return [...problems.values()]
}

function* findShapeProblems(value: unknown): Generator<LockfileProblem> {
  if (Value.Check(lockfileSchema, value)) return
  for (const error of Value.Errors(lockfileSchema, value)) {
    const path = error.path.split("/").slice(1).map(unescapeKey)
    yield { path, ...explain(error, String(path.at(-1))) }
  }
}

function explain(error: ValueError, field: string): Omit<LockfileProblem, "path"> {
  const { type, schema, value } = error
  const wanted = `wanted ${(schema as TSchema & { errorMessage?: string }).errorMessage ?? error.message}`
  if (type === ValueErrorType.ObjectRequiredProperty) {
    return { at: "value", message: `is missing, ${wanted}`, code: "FIELD_MISSING" }
  }
  if (type === ValueErrorType.ObjectAdditionalProperties) {
    const known = Object.keys(schema.properties)
    const message = `is unknown${suggest(field, known)}; the fields are ${known.join(", ")}`
    return { at: "key", message, code: "FIELD_UNKNOWN" }
  }
  return { at: "value", message: `is ${show(value)}, ${wanted}`, code: "FIELD_INVALID" }
}

function* findMeaningProblems(value: unknown): Generator<LockfileProblem> {
  for (const [id, plugin] of entries((value as Plugin | null)?.plugins)) {
    const problem = (path: string[], at: "key" | "value", message: string, code: string) => {
      return { path: ["plugins", id, ...path], at, message, code }
    }
    if (!isPluginId(id)) yield problem([], "key", `is no id, wanted ${idRule}`, "ID_INVALID")
    if (!isObject(plugin)) continue
    const { source, version } = plugin
    const sourceProblem = typeof source === "string" ? findSourceProblem(source) : undefined
    if (sourceProblem) yield problem(["source"], "value", `is ${show(source)}: ${sourceProblem}`, "SOURCE_INVALID")
    if (typeof version === "string" && !isVersion(version)) {
      yield problem(["version"], "value", `is ${show(version)}, wanted a version such as "1.0.0"`, "VERSION_INVALID")
    }
    if ("memory_mb" in plugin && plugin.isolation !== "process") {
      yield problem(["memory_mb"], "key", 'has a meaning only with "isolation": "process"', "FIELD_MISPLACED")
    }
    if ("modules" in plugin && typeof source === "string" && !/^https?:/.test(source)) {
      yield problem(["modules"], "key", "has a meaning only for URL sources", "FIELD_MISPLACED")
    }
    for (const [name] of entries(plugin.dependencies)) {
      const wrong = parseNpm(name)
      if (typeof wrong !== "string") continue
      yield problem(["dependencies", name], "key", "is no name@version of an npm package", "DEPENDENCY_INVALID")
    }
    for (const [path, name] of entries(plugin.layout)) {
      if (!isInstallPath(path)) {
        yield problem(["layout", path], "key", 'is no install path such as "debug/node_modules/ms"', "LAYOUT_INVALID")
      } else if (typeof name === "string" && !Object.hasOwn(toObject(plugin.dependencies), name)) {
        yield problem(["layout", path], "value", `is ${show(name)}, which is not in "dependencies"`, "LAYOUT_INVALID")
      }
    }
    for (const [url] of entries(plugin.modules)) {
      const wrong = /^https?:/.test(url) ? findSourceProblem(url) : "it is no URL"
      if (wrong) yield problem(["modules", url], "key", `is no module: ${wrong}`, "MODULE_INVALID")
    }
  }
}

function isInstallPath(path: string): boolean {
  return path.length <= 1000 && path.split("/").every((part) => /^@?[a-z0-9_~-][a-z0-9._~-]*$/i.test(part))
}

function show(value: unknown): string {
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object" && value !== null) return "an object"
  const text = JSON.stringify(value) ?? "nothing"
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

const isObject = (value: unknown): value is Plugin =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const toObject = (value: unknown): Plugin => (isObject(value) ? value : {})
const entries = (value: unknown): [string, unknown][] => Object.entries(toObject(value))
const unescapeKey = (key: string) => key.replaceAll("~1", "/").replaceAll("~0", "~")
