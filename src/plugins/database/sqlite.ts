import { Database as Client } from "bun:sqlite"
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import type { Json, SqlRow } from "@pagoda/sdk"
import { PagodaError } from "../../errors.ts"
import { readQuery } from "./guard.ts"
import { migrateSqlite } from "./migrate-sqlite.ts"
import type { PluginDatabase } from "./plugin-database.ts"
import { toMigrationError, toQueryError } from "./query-error.ts"
import { runSqlite } from "./run-sqlite.ts"
import { createBounds } from "./values.ts"

const pragmas =
  "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous=NORMAL; PRAGMA trusted_schema=OFF;"

/** One connection: every call is done when it returns, so that none comes between the statements of a transaction. */
export function openSqliteDatabase(id: string, file: string): PluginDatabase {
  let client: Client | undefined
  let isClosed = false

  /** Once closed nothing stays open, and no file is made again: what a job of the old version still does is let through. */
  const use = <T>(work: (client: Client) => T): T => {
    if (!isClosed) {
      client ??= openClient(id, file)
      return work(client)
    }
    const late = openClient(id, file, { create: false })
    try {
      return work(late)
    } finally {
      late.close()
    }
  }
  const calm = <T>(work: (client: Client) => T): T => {
    try {
      return use(work)
    } catch (error) {
      throw toQueryError(id, error)
    }
  }
  const query = (client: Client, sql: string, params: readonly Json[] = [], check = createBounds()) =>
    runSqlite(client, readQuery(sql, "sqlite").sql, params, check)

  return {
    dialect: "sqlite",
    async all(sql, params, { arrays = false } = {}) {
      const answer = calm((client) => query(client, sql, params))
      return arrays ? answer.arrays() : answer.rows()
    },
    async run(sql, params) {
      return { changes: calm((client) => query(client, sql, params)).changes }
    },
    async transaction(statements) {
      return calm((client) => {
        const check = createBounds()
        const work = client.transaction(() =>
          statements.map(({ sql, params }) => {
            const answer = query(client, sql, params, check)
            return { rows: answer.rows() as SqlRow[], changes: answer.changes }
          }),
        )
        return work.immediate()
      })
    },
    async migrate(migrations) {
      return calm((client) => migrateSqlite(id, client, migrations, toMigrationError))
    },
    async close() {
      isClosed = true
      client?.close()
      client = undefined
    },
  }
}

function openClient(id: string, file: string, { create = true } = {}): Client {
  let client: Client | undefined
  try {
    if (create && !existsSync(file)) createPrivateFile(file)
    client = new Client(file, { readwrite: true, safeIntegers: true })
    client.run(pragmas)
    return client
  } catch (cause) {
    client?.close()
    const { code, message } = cause as NodeJS.ErrnoException
    if (code?.startsWith("SQLITE_BUSY")) throw cause
    const problem = `Cannot open the database of plugin "${id}": "${file}" cannot be used: ${message}`
    throw new PagodaError("DATABASE_UNUSABLE", problem, { plugin: id, cause })
  }
}

/** The files beside it take over its mode. */
function createPrivateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  chmodSync(dirname(file), 0o700)
  closeSync(openSync(file, "a", 0o600))
}
