import { eq } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import type { CheckedPlugin } from "./check.ts"

/** What the database remembers of plugins: which were here, in which version, and which an administrator disabled. */
export type Installed = {
  /** The ids of those that are disabled. */
  disabled(): Promise<ReadonlySet<string>>
  /** Writes down what runs now; writes nothing where nothing changed. */
  record(plugins: Iterable<CheckedPlugin>): Promise<void>
  setEnabled(id: string, enabled: boolean): Promise<void>
  /** Forgets a plugin, its settings and its dependencies. `false` when there was nothing. */
  forget(id: string): Promise<boolean>
}

export function openInstalled({ db, tables, transaction }: Database): Installed {
  const { installed_plugin, plugin_dependency } = tables
  const byId = (id: string) => eq(installed_plugin.plugin_id, id)
  const rows = () => db.select().from(installed_plugin)

  return {
    async disabled() {
      return new Set((await rows()).filter(({ enabled }) => !enabled).map(({ plugin_id }) => plugin_id))
    },

    async record(plugins) {
      const stored = new Map((await rows()).map((row) => [row.plugin_id, row]))
      const changed = [...plugins].filter(({ id, name, version }) => {
        const row = stored.get(id)
        return row?.version !== version || row.name !== name
      })
      if (changed.length === 0) return
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
    },

    async setEnabled(id, enabled) {
      await db
        .insert(installed_plugin)
        .values({ plugin_id: id, name: id, version: "", enabled })
        .onConflictDoUpdate({ target: installed_plugin.plugin_id, set: { enabled } })
    },

    async forget(id) {
      const gone = await db.delete(installed_plugin).where(byId(id)).returning({ id: installed_plugin.plugin_id })
      return gone.length > 0
    },
  }
}
