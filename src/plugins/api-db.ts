import { type DatabaseApi, type Json, type QueryOptions, t } from "@pagoda/sdk"
import { PagodaError } from "../errors.ts"
import { readArguments } from "./api-arguments.ts"
import { guard, toPluginError } from "./api-error.ts"
import type { PlainStatement, PluginDatabase } from "./database/plugin-database.ts"

export type DatabaseAccess = { readonly id: string; readonly granted: ReadonlySet<string> }

/** The `api.db` of a plugin: the same for whoever acts, since the database is the plugin's. */
export async function createDatabaseApi(
  database: PluginDatabase,
  { id, granted }: DatabaseAccess,
): Promise<DatabaseApi> {
  const missing = () =>
    new PagodaError("PERMISSION_MISSING", `Plugin "${id}" was not granted the permission "db"`, { plugin: id })
  const need = () => {
    if (!granted.has("db")) throw missing()
  }
  const all = guard(async (...given: unknown[]) => {
    need()
    const [sql, params, options] = readArguments("api.db.all", [text, values, query], given)
    return database.all(sql as string, params as Json[], options as QueryOptions)
  })
  const calls = {
    all: all as DatabaseApi["all"],
    run: guard(async (...given: unknown[]) => {
      need()
      const [sql, params] = readArguments("api.db.run", [text, values], given)
      return database.run(sql as string, params as Json[])
    }) as DatabaseApi["run"],
    transaction: guard(async (...given: unknown[]) => {
      need()
      const [statements] = readArguments("api.db.transaction", [list], given)
      return database.transaction(statements as PlainStatement[])
    }) as DatabaseApi["transaction"],
  }
  if (granted.has("db")) {
    const { loadDrizzle } = await import("@pagoda/sdk/host")
    const make = await loadDrizzle(database.dialect)
    return make(calls)
  }
  return {
    dialect: database.dialect,
    ...calls,
    get drizzle(): never {
      throw toPluginError(missing())
    },
  }
}

const text = t.String({ maxLength: 1_000_000 })
const value = t.Unknown()
const values = t.Optional(t.Array(value))
const query = t.Optional(t.Object({ arrays: t.Optional(t.Boolean()) }, { additionalProperties: false }))
const list = t.Array(t.Object({ sql: text, params: values }), { maxItems: 1000 })
