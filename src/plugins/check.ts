import { HOST_API_VERSION, type JobDefinition, type PluginDefinition } from "@pagoda/sdk"
import type { TObject, TSchema } from "@sinclair/typebox"
import { TypeCompiler } from "@sinclair/typebox/compiler"
import { Value } from "@sinclair/typebox/value"
import { type ErrorCode, PagodaError, toMessage } from "../errors.ts"
import { toIssues } from "../issues.ts"
import { hookProblems, overrideProblems, permissionProblems } from "./check-hooks.ts"
import { migrationProblems } from "./check-migrations.ts"
import { idRule, isPluginId } from "./id.ts"
import type { LockedPlugin } from "./lockfile.ts"
import type { Manifest } from "./manifest.ts"
import { hasSecretDefault } from "./settings/schema.ts"
import { isInRange, isRange, isVersion } from "./versions.ts"

const longestRetention = 36_500

/** A plugin whose every declaration was looked at: what is mounted. */
export type CheckedPlugin = PluginDefinition &
  Required<Pick<PluginDefinition, "description" | "author" | "permissions">>

/** Says whether what a module exports is the plugin that the lockfile means, and one that this host can run. */
export function checkPlugin(
  exported: unknown,
  id: string,
  locked: LockedPlugin,
  manifest: Manifest | undefined,
): CheckedPlugin {
  const refuse = (code: ErrorCode, problem: string): never => {
    throw new PagodaError(code, `Cannot load plugin "${id}": ${problem}`, { plugin: id })
  }
  if (typeof exported !== "object" || exported === null) {
    refuse("PLUGIN_INVALID", "it has no default export; end it with `export default definePlugin({ … })`")
  }
  const plugin = exported as PluginDefinition
  for (const problem of shapeProblems(plugin)) refuse("PLUGIN_INVALID", problem)
  if (plugin.id !== id) refuse("PLUGIN_MISMATCH", `its code says the id "${plugin.id}"`)
  if (locked.version !== undefined && plugin.version !== locked.version) {
    refuse(
      "PLUGIN_MISMATCH",
      `its code says version "${plugin.version}", the lockfile "${locked.version}"; run "pagoda plugin update ${id}"`,
    )
  }
  const range = plugin.engines?.pagoda
  if (range !== undefined && !isInRange(HOST_API_VERSION, range)) {
    refuse("PLUGIN_INCOMPATIBLE", `it works with host API "${range}", this is "${HOST_API_VERSION}"`)
  }
  if (manifest) for (const problem of manifestProblems(plugin, manifest)) refuse("PLUGIN_MISMATCH", problem)
  for (const problem of permissionProblems(plugin, locked)) refuse("PERMISSION_MISSING", problem)
  return {
    ...plugin,
    description: plugin.description ?? "",
    author: plugin.author ?? "",
    permissions: plugin.permissions ?? [],
  }
}

/** The settings as the plugin first sees them: the defaults of its schema. */
export function defaultSettings(plugin: PluginDefinition): Record<string, unknown> {
  return plugin.settings ? (Value.Default(plugin.settings, {}) as Record<string, unknown>) : {}
}

function* shapeProblems(plugin: PluginDefinition): Generator<string> {
  if (!plugin.id) yield `it has no "id"`
  else if (typeof plugin.id !== "string" || !isPluginId(plugin.id)) yield `its id is "${plugin.id}", wanted ${idRule}`
  if (!plugin.name || typeof plugin.name !== "string") yield `it has no "name"`
  if (!plugin.version) yield `it has no "version"`
  else if (!isVersion(plugin.version)) yield `its version is "${plugin.version}", wanted semver such as "1.0.0"`
  for (const field of ["description", "author"] as const) yield* wanted(plugin, field, "string")
  for (const field of ["routes", "pages", "initialize", "onSettings", "dispose"] as const) {
    yield* wanted(plugin, field, "function")
  }
  for (const field of ["engines", "dependencies", "jobs"] as const) {
    if (plugin[field] !== undefined && !isRecord(plugin[field])) {
      yield `its "${field}" are no object`
      return
    }
  }
  const { permissions = [], dependencies = {}, engines = {}, hooks = [], overrides = {}, jobs = {} } = plugin
  if (!Array.isArray(permissions) || permissions.some((permission) => typeof permission !== "string")) {
    yield `its "permissions" are no list of strings`
  }
  for (const [other, range] of Object.entries({ ...dependencies, ...(engines.pagoda && { pagoda: engines.pagoda }) })) {
    if (typeof range !== "string" || !isRange(range))
      yield `it wants "${other}" as "${range}", which is no semver range`
  }
  if (!Array.isArray(hooks)) yield `its "hooks" are no list`
  else for (const hook of hooks) yield* hookProblems(hook)
  yield* overrideProblems(overrides)
  yield* migrationProblems(plugin)
  for (const [number, job] of Object.entries(jobs)) yield* jobProblems(number, job as JobDefinition)
  if (plugin.settings) yield* settingsProblems(plugin.settings)
}

function* wanted(plugin: PluginDefinition, field: keyof PluginDefinition, type: string): Generator<string> {
  const value = plugin[field]
  if (value !== undefined && typeof value !== type)
    yield `its "${field}" is of type "${typeof value}", wanted "${type}"`
}

export function* jobProblems(number: string, job: JobDefinition): Generator<string> {
  if (!/^\d+$/.test(number)) yield `its job "${number}" is no number`
  if (typeof job?.run !== "function") yield `its job ${number} has no "run"`
  if (!job?.name || typeof job.name !== "string") yield `its job ${number} has no "name"`
  const { retention_days = 90 } = job ?? {}
  if (!Number.isInteger(retention_days) || retention_days < 1 || retention_days > longestRetention) {
    yield `its job ${number} has retention_days "${retention_days}", wanted an integer from 1 to ${longestRetention}`
  }
}

function* settingsProblems(schema: TObject): Generator<string> {
  if (schema.type !== "object" || !isRecord(schema.properties) || !Object.values(schema.properties).every(isRecord)) {
    yield `its "settings" are no t.Object`
    return
  }
  for (const [key, property] of Object.entries(schema.properties)) {
    const problem = schemaProblem(property)
    if (problem !== undefined) {
      yield `its setting "${key}" has a schema that no value can be checked with, wanted one that is made with "t": ${problem}`
      continue
    }
    if (hasSecretDefault(property)) {
      yield `its setting "${key}" is secret and has a default, which everybody can read in its code; leave it out`
      continue
    }
    if (property.default === undefined) continue
    for (const { message } of toIssues(property, property.default))
      yield `the default of its setting "${key}": ${message}`
  }
}

/** Such as one of plain JSON, or a pattern that is no regular expression. */
function schemaProblem(schema: TSchema): string | undefined {
  try {
    TypeCompiler.Code(schema)
    return undefined
  } catch (error) {
    return toMessage(error)
  }
}

function* manifestProblems(plugin: PluginDefinition, manifest: Manifest): Generator<string> {
  const declared = {
    id: [plugin.id, manifest.id],
    permissions: [[...(plugin.permissions ?? [])].sort(), [...manifest.permissions].sort()],
    engines: [plugin.engines ?? {}, manifest.engines],
    dependencies: [plugin.dependencies ?? {}, manifest.dependencies],
  }
  for (const [field, [code, told]] of Object.entries(declared)) {
    if (!Bun.deepEquals(code, told)) {
      yield `its code says ${field} ${JSON.stringify(code)}, its manifest ${JSON.stringify(told)}`
    }
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
