import type { Time } from "@pagoda/sdk"
import { eq } from "drizzle-orm"
import { systemUser } from "../core/access.ts"
import { createAudit } from "../core/audit.ts"
import type { Database } from "../db/database.ts"
import type { CheckedPlugin } from "./check.ts"
import type { LimitValues } from "./limits.ts"
import type { LockedPlugin } from "./lockfile.ts"

/** Who changed something: a user, or someone at a command line. */
export type By = { readonly id: string; readonly username: string }

/** Why a plugin is not to run, and which code of it: another version is not concerned. */
export type Quarantine = { version: string; integrity: string; step: string; message: string; at: Time }

export type InstalledState = {
  /** The ids of those that an administrator disabled. */
  readonly disabled: ReadonlySet<string>
  readonly quarantines: ReadonlyMap<string, Quarantine>
  /** Where an administrator set them. */
  readonly limits: ReadonlyMap<string, Partial<LimitValues>>
}

/** What the database remembers of plugins: which were here, in which version, and what was decided about them. */
export type Installed = {
  read(): Promise<InstalledState>
  /** Writes down what was started, and nothing where nothing changed. Gives the version of each that is known. */
  record(plugins: readonly CheckedPlugin[]): Promise<ReadonlyMap<string, string>>
  /** Those that were here with what each needs, by id. */
  dependencies(): Promise<ReadonlyMap<string, readonly string[]>>
  /** To enable one lifts its quarantine. */
  setEnabled(ids: readonly string[], enabled: boolean, by: By): Promise<void>
  setLimits(id: string, change: (before: Partial<LimitValues>) => Partial<LimitValues> | null, by: By): Promise<void>
  /** Every process that shares the database then keeps this code from running. */
  quarantine(id: string, quarantine: Quarantine): Promise<void>
}

/** Whether it is this very code that is not to run. */
export function isQuarantined(
  quarantine: Quarantine | undefined,
  { version = "", integrity }: LockedPlugin,
): quarantine is Quarantine {
  return quarantine !== undefined && quarantine.version === version && quarantine.integrity === integrity
}

export function openInstalled(database: Database): Installed {
  const { db, tables, transaction } = database
  const { installed_plugin, plugin_dependency } = tables
  const rows = () => db.select().from(installed_plugin)

  const read = async (): Promise<InstalledState> => {
    const all = await rows()
    const those = <T>(take: (row: (typeof all)[number]) => T | null) =>
      all.flatMap((row) => (take(row) === null ? [] : [[row.plugin_id, take(row) as T] as const]))
    return {
      disabled: new Set(all.filter(({ enabled }) => !enabled).map(({ plugin_id }) => plugin_id)),
      quarantines: new Map(those(({ quarantine }) => quarantine)),
      limits: new Map(those(({ limits }) => limits)),
    }
  }

  return {
    read,

    async record(plugins) {
      const stored = new Map((await rows()).map((row) => [row.plugin_id, row]))
      const versions = new Map([...stored].flatMap(([id, { version }]) => (version === "" ? [] : [[id, version]])))
      const changed = plugins.filter(({ id, name, version }) => {
        const row = stored.get(id)
        return row?.version !== version || row.name !== name
      })
      if (changed.length === 0) return versions
      await transaction(async (tx) => {
        for (const { id, name, version, dependencies = {} } of changed) {
          await tx
            .insert(installed_plugin)
            .values({ plugin_id: id, name, version })
            .onConflictDoUpdate({ target: installed_plugin.plugin_id, set: { name, version } })
          await tx.delete(plugin_dependency).where(eq(plugin_dependency.plugin, id))
          for (const [dependency_id, version_constraint] of Object.entries(dependencies)) {
            await tx.insert(plugin_dependency).values({ plugin: id, dependency_id, version_constraint })
          }
        }
      })
      for (const { id, version } of changed) versions.set(id, version)
      return versions
    },

    async dependencies() {
      const all = await db.select().from(plugin_dependency)
      const byPlugin = Map.groupBy(all, ({ plugin }) => plugin)
      return new Map([...byPlugin].map(([id, own]) => [id, own.map(({ dependency_id }) => dependency_id)]))
    },

    async setEnabled(ids, enabled, by) {
      const audit = createAudit(database).write
      await transaction(async (tx) => {
        for (const id of ids) {
          const [before] = await tx.select().from(installed_plugin).where(eq(installed_plugin.plugin_id, id))
          const isLifted = enabled && Boolean(before?.quarantine)
          if ((before?.enabled ?? true) === enabled && !isLifted) continue
          const values = isLifted ? { enabled, quarantine: null } : { enabled }
          await tx
            .insert(installed_plugin)
            .values({ plugin_id: id, name: id, version: "", enabled })
            .onConflictDoUpdate({ target: installed_plugin.plugin_id, set: values })
          await audit(tx, by, enabled ? "enable" : "disable", "plugin", id, isLifted ? { quarantine: null } : {})
        }
      })
    },

    async setLimits(id, change, by) {
      await transaction(async (tx) => {
        const [row] = await tx.select().from(installed_plugin).where(eq(installed_plugin.plugin_id, id))
        const before = row?.limits ?? {}
        const limits = change(before) as { [limit: string]: number } | null
        await tx
          .insert(installed_plugin)
          .values({ plugin_id: id, name: id, version: "", limits })
          .onConflictDoUpdate({ target: installed_plugin.plugin_id, set: { limits } })
        await createAudit(database).write(tx, by, "limits", "plugin", id, { before, after: limits ?? {} })
      })
    },

    async quarantine(id, quarantine) {
      await transaction(async (tx) => {
        await tx
          .insert(installed_plugin)
          .values({ plugin_id: id, name: id, version: "", quarantine })
          .onConflictDoUpdate({ target: installed_plugin.plugin_id, set: { quarantine } })
        const { version, message } = quarantine
        await createAudit(database).write(tx, systemUser, "quarantine", "plugin", id, { version, message })
      })
    },
  }
}
