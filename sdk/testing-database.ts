import type { DatabaseApi, Migration, SqlRow, SqlValue } from "./database.ts"
import { loadDrizzle } from "./drizzle.ts"
import { PluginError, PluginSecurityError } from "./errors.ts"
import { guard, withStatus } from "./testing-api.ts"

type Raw = string | number | bigint | null | Uint8Array

/** A plugin's database in memory: SQLite, with the plugin's migrations applied. */
export type TestDatabase = { readonly db: DatabaseApi; close(): void }

export async function openTestDatabase(migrations: readonly Migration[]): Promise<TestDatabase> {
  const { Database } = await import("bun:sqlite")
  const client = new Database(":memory:", { safeIntegers: true })
  client.run("PRAGMA foreign_keys=ON")

  const query = (sql: string, params: readonly SqlValue[] = []) => {
    refuseForeign(sql)
    try {
      const statement = client.query<Record<string, Raw>, (string | number | boolean | null)[]>(sql)
      const values = params.map((value) =>
        typeof value === "object" && value !== null ? JSON.stringify(value) : value,
      )
      const columns = statement.columnNames
      if (columns.length === 0) return { columns, arrays: [], changes: Number(statement.run(...values).changes) }
      const arrays = (statement.values(...values) as Raw[][]).map((row) => row.map(toJson))
      return { columns, arrays, changes: /^\s*(?:select|values|explain|pragma)\b/i.test(sql) ? 0 : arrays.length }
    } catch (error) {
      throw toPluginError(error)
    }
  }
  const migrate = (sql: string) => {
    refuseFiles(sql)
    client.run(sql)
  }
  const toRows = ({ columns, arrays }: ReturnType<typeof query>): SqlRow[] =>
    arrays.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index] as SqlValue])))

  const all = async (sql: string, params?: readonly SqlValue[], { arrays = false } = {}) => {
    const answer = query(sql, params)
    return arrays ? answer.arrays : toRows(answer)
  }
  const make = await loadDrizzle("sqlite")
  const db = make({
    all: guard(all) as DatabaseApi["all"],
    run: guard(async (sql, params) => ({ changes: query(sql, params).changes })),
    transaction: guard(async (statements) => {
      const work = client.transaction(() =>
        statements.map(({ sql, params }) => {
          const answer = query(sql, params as SqlValue[])
          return { rows: toRows(answer), changes: answer.changes }
        }),
      )
      return work.immediate()
    }),
  })
  try {
    for (const { up } of migrations) migrate(typeof up === "string" ? up : up.sqlite)
  } catch (error) {
    client.close()
    throw error
  }
  return { db, close: () => client.close() }
}

/** What a plugin has that was not granted the permission `db`. */
export function refuseDatabase(id: string): DatabaseApi {
  const missing = () => {
    const message = `Plugin "${id}" was not granted the permission "db"`
    return withStatus(new PluginSecurityError(message, { code: "PERMISSION_MISSING" }))
  }
  const refuse = async () => {
    throw missing()
  }
  return {
    dialect: "sqlite",
    all: refuse,
    run: refuse,
    transaction: refuse,
    get drizzle(): never {
      throw missing()
    },
  }
}

/** What the host refuses as well, found roughly: the host reads SQL as the database does. */
function refuseForeign(sql: string): void {
  const bare = toBare(sql)
  const verb = /^\W*(\w+)/.exec(bare)?.[1]?.toUpperCase() ?? ""
  if (/;\s*\S/.test(bare) && !/^\s*create\s+(?:temp\w*\s+)?trigger\b/i.test(bare))
    throw refused("it is several statements, wanted one a call")
  if (/^(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)$/.test(verb)) throw notAmong(verb)
  refuseFiles(sql)
}

/** Statements that open or write other files, one's own or the host's: plugins can have this module in the host, too. */
function refuseFiles(sql: string): void {
  const verb = /(?:^|;)\W*(ATTACH|DETACH|VACUUM)\b/i.exec(toBare(sql))?.[1]?.toUpperCase()
  if (verb) throw notAmong(verb)
}

/** Without its comments, and without what is in quotes. */
function toBare(sql: string): string {
  return sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g, "''")
}

function notAmong(verb: string): PluginError {
  return refused(`"${verb}" is not among what a plugin may run`)
}

function refused(problem: string): PluginError {
  return new PluginError(`The plugin's query is refused: ${problem}`, { code: "QUERY_REFUSED" })
}

function toJson(value: Raw): SqlValue {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value
}

function toPluginError(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error
  const isConflict = /_(?:UNIQUE|PRIMARYKEY|FOREIGNKEY)$/.test(String(error.code))
  return new PluginError(`The query of the plugin failed: ${error.message} (${error.code})`, {
    code: isConflict ? "CONFLICT" : "QUERY_FAILED",
    cause: error,
  })
}
