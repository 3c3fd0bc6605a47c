import type { AnyElysia } from "elysia"
import type { Config } from "../config.ts"
import type { Core } from "../core/core.ts"
import { deriveKey } from "../core/secret-key.ts"
import type { Database } from "../db/database.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operations } from "../jobs/operations.ts"
import type { Log } from "../log.ts"
import { type Undo, undoAll } from "../undo.ts"
import { type AdminEvents, createAdminEvents } from "./admin-events.ts"
import { createPluginDatabases } from "./database/databases.ts"
import type { Guard } from "./guard.ts"
import { openInstalled } from "./installed.ts"
import { toJobProgram } from "./job-process/program.ts"
import { createJobProcesses } from "./job-process.ts"
import type { LimitSettings } from "./limit-settings.ts"
import type { LoadContext } from "./load.ts"
import { openLoadingMarks } from "./loading-marks.ts"
import { createEdits } from "./lockfile/edits.ts"
import type { Lockfile } from "./lockfile.ts"
import type { Scope } from "./mount.ts"
import { createRegistry, type Registry } from "./registry.ts"
import { createStateWatch } from "./repairs/states.ts"
import { createRepairs, type Repairs } from "./repairs.ts"
import { createReplicas } from "./replicas.ts"
import { createPluginSettings, type PluginSettings } from "./settings.ts"
import { createStateChanges } from "./state-changes.ts"

export type PluginsContext = {
  readonly config: Config
  readonly database: Database
  readonly secretKey: string
  readonly load: LoadContext
  readonly readWanted: () => Promise<Lockfile>
  readonly core: Core
  readonly operations: Operations
  readonly jobs: Jobs
  readonly scope: Scope
  readonly guard: Guard
  readonly log: Log
  /** Told when a plugin answers no more. */
  onLeave(id: string): void
}

/** All that belongs to plugins, in one host. */
export type Plugins = {
  readonly registry: Registry
  /** The apps of those that have pages, by plugin id. */
  readonly pages: ReadonlyMap<string, AnyElysia>
  readonly settings: PluginSettings
  readonly repairs: Pick<Repairs, "list" | "settle">
  readonly adminEvents: AdminEvents
  /** Makes what runs what the lockfile says now, on every replica. */
  sync(): Promise<void>
  /** What administrators set of what plugins may use: loaded when somebody asks. */
  openLimits(): Promise<LimitSettings>
  /** From now on takes what other replicas change, and writes down what needs an administrator. */
  follow(): void
  close(): Promise<void>
}

export function openPlugins(context: PluginsContext): Plugins {
  const { config, database, secretKey, load, readWanted, core, operations, jobs, scope, guard, log, onLeave } = context
  const { limits, failures } = guard
  const undos: Undo[] = []
  const jobProcesses = createJobProcesses({
    program: toJobProgram(config.env, config.dataDir),
    log: guard.log,
    onLate: failures.addLate,
  })
  undos.push(() => jobProcesses.close())

  const adminEvents = createAdminEvents(database)
  const repairs = createRepairs({ database, log, onChange: (repair) => adminEvents.tell("repair", repair) })
  const states = createStateWatch({ database, repairs, log })
  undos.push(async () => {
    await repairs.begin()
    await states.close()
    await repairs.close()
  })
  const tellChanges = createStateChanges(adminEvents.tellHere)

  const installed = openInstalled(database)
  const settings = createPluginSettings({ database, key: deriveKey(secretKey, "plugin-settings"), repairs, log })
  undos.push(() => settings.close())
  const databases = createPluginDatabases({ config, database, secretKey, repairs })
  const edits = createEdits({ database, file: config.lockfile, log })
  undos.push(() => edits.close())
  const replicas = createReplicas({ database, sync: (retry) => registry.sync(readWanted, retry), log })
  const pages = new Map<string, AnyElysia>()
  const registry = createRegistry({
    choice: config,
    load,
    run: {
      apps: new Map(),
      pages,
      core,
      databases,
      settings,
      operations,
      jobs,
      jobProcesses,
      scope,
      env: config.env,
      limits,
      failures,
      notify: (plugin, notice) => adminEvents.tell("notice", { plugin, ...notice }),
      pluginLog: guard.log,
      log,
      onLeave,
    },
    installed,
    marks: openLoadingMarks(config.dataDir),
    repairs,
    onSwitch: (id) => replicas.tell(id),
    ...(!load.unverified && { onLockfile: edits.add }),
    onSettled(records, pending) {
      tellChanges(records)
      states.settled(records, pending)
    },
  })
  undos.push(() => registry.close())
  guard.onTooMany((id, problem) => registry.quarantine(id, problem))

  return {
    registry,
    pages,
    settings,
    adminEvents,
    repairs: {
      settle: repairs.settle,
      async list(user, query) {
        await states.look()
        return repairs.list(user, query)
      },
    },
    async sync() {
      await registry.sync(readWanted)
      await replicas.tell()
    },
    async openLimits() {
      const { createLimitSettings } = await import("./limit-settings.ts")
      const has = (id: string) => registry.get(id) !== undefined
      return createLimitSettings({ installed, limits, has, tell: replicas.tell })
    },
    follow() {
      undos.push(replicas.follow())
      void repairs.begin()
    },
    async close() {
      for (const error of await undoAll(undos)) log.error("The plugins did not stop cleanly", { error })
    },
  }
}
