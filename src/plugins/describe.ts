import type { AnyElysia } from "elysia"
import { PagodaError, toMessage } from "../errors.ts"
import type { LoadedPlugin, Step } from "./load.ts"
import type { LockedPlugin } from "./lockfile.ts"
import { routesOf } from "./mount.ts"
import type { PluginFailure, PluginRecord } from "./record.ts"

/** The record of a plugin whose code is not there to ask: what the lockfile knows, and why it is not active. */
export function describeLocked(
  id: string,
  locked: LockedPlugin,
  state: Pick<PluginRecord, "state" | "reason" | "error">,
): PluginRecord {
  return {
    id,
    name: id,
    version: locked.version ?? "",
    description: "",
    author: "",
    source: locked.source,
    integrity: locked.integrity ?? null,
    permissions: locked.permissions ?? [],
    isolation: locked.isolation ?? "in-process",
    routes: [],
    hooks: [],
    jobs: [],
    overrides: [],
    settings_schema: null,
    dependencies: {},
    load_ms: 0,
    required: locked.required ?? false,
    ...state,
  }
}

/** The record of a plugin that answers. */
export function describeActive({ id, locked, definition }: LoadedPlugin, app: AnyElysia, loadMs: number): PluginRecord {
  const jobs = Object.entries(definition.jobs ?? {})
  return {
    ...describeLocked(id, locked, { state: "active" }),
    name: definition.name,
    version: definition.version,
    description: definition.description,
    author: definition.author,
    routes: routesOf(app),
    jobs: jobs.map(([number, { name }]) => ({ number: Number(number), name })),
    settings_schema: definition.settings ?? null,
    dependencies: definition.dependencies ?? {},
    load_ms: Math.round(loadMs * 10) / 10,
  }
}

export function describeFailure(step: Step, thrown: unknown): PluginFailure {
  const code = thrown instanceof PagodaError ? thrown.code : "PLUGIN_FAILED"
  return { step, code, message: toMessage(thrown), at: new Date().toISOString() }
}
