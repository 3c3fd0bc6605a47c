import { existsSync } from "node:fs"
import type { Config } from "../config.ts"
import type { Log } from "../log.ts"
import { whyNotWanted } from "../plugins/choice.ts"
import { describeFailure, describeLocked } from "../plugins/describe.ts"
import type { FetchContext } from "../plugins/fetch.ts"
import { type InstalledState, isQuarantined, openInstalled, type Quarantine } from "../plugins/installed.ts"
import { type LoadedPlugin, loadPlugin, type Step } from "../plugins/load.ts"
import type { LockedPlugin, Lockfile } from "../plugins/lockfile.ts"
import { orderPlugins } from "../plugins/order.ts"
import type { PluginRecord } from "../plugins/record.ts"
import { containForeign } from "./foreign.ts"
import { sqliteFile, withDatabase, withFetching } from "./open.ts"

/** A plugin as a start would find it now. */
export type PluginStatus = Omit<PluginRecord, "routes" | "hooks" | "overrides" | "load_ms">

/** Goes the way of every plugin up to its check, as a start does: only that tells whether it would be active. */
export async function readStatuses(plugins: Lockfile["plugins"], config: Config, log: Log): Promise<PluginStatus[]> {
  const { disabled, quarantines } = await readInstalled(config)
  containForeign(log)
  const found = await withFetching(config, (context) =>
    Promise.all(
      Object.entries(plugins).map(async ([id, locked]) => {
        const reason = whyNotWanted(id, config) ?? (disabled.has(id) ? "an administrator disabled it" : undefined)
        if (reason) return toStatus(describeLocked(id, locked, { state: "disabled", reason }))
        const quarantine = quarantines.get(id)
        return isQuarantined(quarantine, locked) ? toQuarantined(id, locked, quarantine) : tryLoad(id, locked, context)
      }),
    ),
  )
  const loaded = found.flatMap((each) => ("definition" in each ? [each] : []))
  const { refused } = orderPlugins(
    loaded.map(({ definition }) => ({ ...definition, dependencies: definition.dependencies ?? {} })),
    (id) => (Object.hasOwn(plugins, id) ? "is not active" : "is not in the lockfile"),
  )
  return found.map((each) => {
    if (!("definition" in each)) return each
    const error = refused.get(each.id)
    return error ? toFailed(each.id, each.locked, "check", error) : toActive(each)
  })
}

export async function readDisabled(config: Config): Promise<ReadonlySet<string>> {
  return (await readInstalled(config)).disabled
}

async function readInstalled(config: Config): Promise<Pick<InstalledState, "disabled" | "quarantines">> {
  const hasDatabase = config.databaseUrl !== undefined || existsSync(sqliteFile(config))
  if (!hasDatabase) return { disabled: new Set(), quarantines: new Map() }
  return withDatabase(config, (database) => openInstalled(database).read())
}

/** Its code is not run: it may end this process as it ended others. */
function toQuarantined(id: string, locked: LockedPlugin, { step, message, at }: Quarantine): PluginStatus {
  const error = { step, code: "QUARANTINED", message, at } as const
  return toStatus(describeLocked(id, locked, { state: "quarantined", error, reason: message }))
}

async function tryLoad(id: string, locked: LockedPlugin, context: FetchContext): Promise<LoadedPlugin | PluginStatus> {
  let step: Step = "fetch"
  try {
    return await loadPlugin(id, locked, context, (next) => {
      step = next
    })
  } catch (error) {
    return toFailed(id, locked, step, error)
  }
}

function toActive({ id, locked, definition }: LoadedPlugin): PluginStatus {
  const { name, version, description, author, jobs = {}, settings, dependencies = {} } = definition
  return {
    ...toStatus(describeLocked(id, locked, { state: "active" })),
    ...{ name, version, description, author, dependencies },
    jobs: Object.entries(jobs).map(([number, job]) => ({ number: Number(number), name: job.name })),
    settings_schema: settings ?? null,
  }
}

function toFailed(id: string, locked: LockedPlugin, step: Step, thrown: unknown): PluginStatus {
  const error = describeFailure(step, thrown)
  return toStatus(describeLocked(id, locked, { state: "failed", error, reason: error.message }))
}

/** Without what only a mounted plugin can tell. */
function toStatus({ routes, hooks, overrides, load_ms, ...status }: PluginRecord): PluginStatus {
  return status
}
