import { toMessage, toPagodaError } from "../errors.ts"
import type { Step } from "./load.ts"
import type { LockedPlugin } from "./lockfile.ts"
import { routesOf } from "./mount.ts"
import type { PluginFailure, PluginRecord } from "./record.ts"
import type { RunningPlugin } from "./running.ts"

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
export function describeActive({ loaded, app, hooks }: RunningPlugin, loadMs: number): PluginRecord {
  const { id, locked, definition } = loaded
  const jobs = Object.entries(definition.jobs ?? {})
  return {
    ...describeLocked(id, locked, { state: "active" }),
    name: definition.name,
    version: definition.version,
    description: definition.description,
    author: definition.author,
    routes: routesOf(app),
    get hooks() {
      return hooks()
    },
    jobs: jobs.map(([number, { name }]) => ({ number: Number(number), name })),
    overrides: Object.keys(definition.overrides ?? {}),
    settings_schema: definition.settings ?? null,
    dependencies: definition.dependencies ?? {},
    load_ms: Math.round(loadMs * 10) / 10,
  }
}

export function describeFailure(step: Step, thrown: unknown): PluginFailure {
  const code = toPagodaError(thrown)?.code ?? "PLUGIN_FAILED"
  return { step, code, message: toMessage(thrown), at: new Date().toISOString() }
}
