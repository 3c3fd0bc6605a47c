import { deriveKey } from "../../core/secret-key.ts"
import type { Database } from "../../db/database.ts"
import { lazily } from "../../lazily.ts"
import { toDatabaseFile } from "./names.ts"
import type { PluginContent, PluginDatabase } from "./plugin-database.ts"
import type { ReportRepair } from "./repair.ts"

export type PluginDatabasesContext = {
  readonly config: { readonly databaseUrl?: string | undefined; readonly dataDir: string }
  readonly database: Database
  readonly secretKey: string
  readonly repairs: ReportRepair
}

/** The databases of plugins: a file each beside the core's, or a schema each in it. Only the dialect in use is loaded. */
export type PluginDatabases = {
  readonly dialect: PluginDatabase["dialect"]
  /** Nothing is opened or made before its first call. */
  open(id: string): PluginDatabase
  /** What a plugin keeps there; nothing where it never had a database. */
  inspect(id: string): Promise<PluginContent | undefined>
  /** For good. `false` where there was nothing. */
  drop(id: string): Promise<boolean>
}

export function createPluginDatabases({
  config: { databaseUrl: url = "", dataDir },
  database,
  secretKey,
  repairs,
}: PluginDatabasesContext): PluginDatabases {
  const { dialect } = database
  if (dialect === "sqlite") {
    return {
      dialect,
      open: (id) =>
        lazyDatabase(dialect, async () => {
          const { openSqliteDatabase } = await import("./sqlite.ts")
          return openSqliteDatabase(id, toDatabaseFile(dataDir, id))
        }),
      inspect: async (id) => (await import("./content-sqlite.ts")).inspectFile(toDatabaseFile(dataDir, id)),
      drop: async (id) => (await import("./content-sqlite.ts")).dropFile(toDatabaseFile(dataDir, id)),
    }
  }
  const postgres = { database, url, key: deriveKey(secretKey, "plugin-database"), repairs }
  return {
    dialect,
    open: (id) =>
      lazyDatabase(dialect, async () => {
        const { openPostgresDatabase } = await import("./postgres.ts")
        return openPostgresDatabase(id, postgres)
      }),
    inspect: async (id) => (await import("./content-postgres.ts")).inspectSchema(id, postgres),
    drop: async (id) => (await import("./content-postgres.ts")).dropSchema(id, postgres),
  }
}

function lazyDatabase(dialect: PluginDatabase["dialect"], make: () => Promise<PluginDatabase>): PluginDatabase {
  let isUsed = false
  const made = lazily(make)
  const use = async () => {
    isUsed = true
    return made()
  }
  return {
    dialect,
    all: async (...values) => (await use()).all(...values),
    run: async (...values) => (await use()).run(...values),
    transaction: async (...values) => (await use()).transaction(...values),
    migrate: async (...values) => (await use()).migrate(...values),
    async close() {
      if (isUsed) await (await made()).close()
    },
  }
}
