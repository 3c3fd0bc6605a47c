import { afterEach, describe } from "bun:test"
import { dirname, join } from "node:path"
import type { DatabaseOptions } from "../../src/db/database.ts"
import { createPluginDatabases, type PluginDatabases } from "../../src/plugins/database/databases.ts"
import type { PluginDatabase, PluginMigration } from "../../src/plugins/database/plugin-database.ts"
import type { Repair } from "../../src/plugins/database/repair.ts"
import { type Dialect, eachDatabase, type OpenTestDatabase } from "./database.ts"
import { makeFolder, removeFolders } from "./folder.ts"

export type TestDatabases = PluginDatabases & {
  readonly repairs: Repair[]
  /** Closed after the test. */
  readonly open: (id: string) => PluginDatabase
  readonly dataDir: string
}

export type OpenDatabases = (options?: { place?: DatabaseOptions; dataDir?: string }) => Promise<TestDatabases>

/** The databases of plugins on both: files in a folder, schemas in a database. */
export function eachPluginDatabase(
  define: (dialect: Dialect, open: OpenDatabases, core: OpenTestDatabase) => void,
): void {
  eachDatabase((dialect, core) => {
    const undos: (() => Promise<unknown>)[] = []
    const open: OpenDatabases = async ({ place, dataDir } = {}) => {
      const where = place ?? (await core.place())
      const database = await core({ place: where })
      const folder = dataDir ?? (dialect === "sqlite" ? join(dirname(where.file), "data") : await makeFolder())
      const repairs: Repair[] = []
      const databases = createPluginDatabases({
        config: { databaseUrl: where.url, dataDir: folder },
        database,
        secretKey: "a key that replicas share",
        repairs: { report: (repair) => repairs.push(repair), resolve: () => {} },
      })
      return {
        ...databases,
        dataDir: folder,
        repairs,
        open(id) {
          const opened = databases.open(id)
          // roles are the server's: they would outlive the test's own database
          undos.unshift(() => databases.drop(id))
          undos.push(() => opened.close())
          return opened
        },
      }
    }
    // a floor of its own: what is closed here is closed before the core's database
    describe("plugins", () => {
      afterEach(async () => {
        for (const undo of undos.splice(0).reverse()) await undo()
      })
      define(dialect, open, core)
    })
  })
  afterEach(removeFolders)
}

export function toMigration(name: string, sql: string): PluginMigration {
  return { name, sql, checksum: `checksum of ${sql}` }
}

/** The code of what a call throws. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (error) => error,
  )
  return error?.code ?? `nothing was thrown, but ${error}`
}
