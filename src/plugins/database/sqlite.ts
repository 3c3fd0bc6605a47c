import { Database as Client } from "bun:sqlite"
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import type { Json, SqlRow } from "@pagoda/sdk"
import { readQuery } from "./guard.ts"
import { migrateSqlite } from "./migrate-sqlite.ts"
import type { PluginDatabase } from "./plugin-database.ts"
import { toMigrationError, toQueryError } from "./query-error.ts"
import { runSqlite } from "./run-sqlite.ts"

const pragmas =
  "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous=NORMAL; PRAGMA trusted_schema=OFF;"

/** One connection: every call is done when it returns, so that none comes between the statements of a transaction. */
export function openSqliteDatabase(id: string, file: string): PluginDatabase {
  let client: Client | undefined
  let isClosed = false

  /** Once closed nothing stays open, and no file is made again: what a job of the old version still does is let through. */
  const use = <T>(work: (client: Client) => T): T => {
    if (!isClosed) {
      client ??= openClient(file)
      return work(client)
    }
    const late = openClient(file, { create: false })
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
  const query = (client: Client, sql: string, params: readonly Json[] = []) =>
    runSqlite(client, readQuery(sql, "sqlite").sql, params)

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
        const work = client.transaction(() =>
          statements.map(({ sql, params }) => {
            const answer = query(client, sql, params)
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

function openClient(file: string, { create = true } = {}): Client {
  if (create && !existsSync(file)) createPrivateFile(file)
  const client = new Client(file, { readwrite: true, safeIntegers: true })
  client.run(pragmas)
  return client
}

/** The files beside it take over its mode. */
function createPrivateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  chmodSync(dirname(file), 0o700)
  closeSync(openSync(file, "a", 0o600))
}
