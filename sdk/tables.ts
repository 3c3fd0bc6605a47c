import type { DatabaseApi } from "./database.ts"
import { PluginError } from "./errors.ts"
import type { TableKit } from "./kit-postgres.ts"

const kits = new WeakMap<object, TableKit>()

/** Whoever makes an `api.db` says which columns its database has. */
export function setTableKit(db: object, kit: TableKit): void {
  kits.set(db, kit)
}

/**
 * Declares the plugin's tables once for both databases; what it returns gives them for an `api.db`. It makes nothing: the
 * tables are those that `migrations` make, with the names and columns that are given here.
 *
 * @example
 * const tables = defineTables((kit) => ({
 *   visit: kit.table("visit", { name: kit.text().primaryKey(), count: kit.integer().notNull(), seen_at: kit.time() }),
 * }))
 *
 * const { visit } = tables(api.db)
 * await api.db.drizzle.insert(visit).values({ name: "Ada", count: 1 })
 * @throws `PluginError` with code `PLUGIN_ERROR` for what is no `api.db`
 */
export function defineTables<Tables>(define: (kit: TableKit) => Tables): (db: DatabaseApi) => Tables {
  const made = new WeakMap<TableKit, { tables: Tables }>()
  return (db) => {
    const kit = kits.get(db)
    if (!kit) throw new PluginError('Cannot give the tables: what was given is no "api.db" with the permission "db"')
    const known = made.get(kit)
    if (known) return known.tables
    const tables = define(kit)
    made.set(kit, { tables })
    return tables
  }
}
