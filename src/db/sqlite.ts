import { Database as Client } from "bun:sqlite"
import { closeSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { type AsyncRemoteCallback, drizzle } from "drizzle-orm/sqlite-proxy"
import type { Database, DatabaseOptions, Db } from "./database.ts"
import { toDatabaseError } from "./database-error.ts"
import { migrateSqlite } from "./migrate-sqlite.ts"
import { sqliteMigrations } from "./migrations.ts"
import { defineTables } from "./schema.ts"
import { createTransactionScope, guardSession } from "./session-guard.ts"
import { createLocalSignals } from "./signals.ts"
import { sqliteKit } from "./sqlite-kit.ts"

const pragmas =
  "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=8000;"

/** One connection writes, by turns; another reads beside it. drizzle's own driver for bun:sqlite cannot roll back async work. */
export function openSqlite(file: string, onStatement?: DatabaseOptions["onStatement"]): Database {
  createPrivateFile(file)
  const writer = new Client(file, { create: true })
  writer.run(pragmas)
  const reader = new Client(file)
  reader.run(`${pragmas} PRAGMA query_only=ON; PRAGMA mmap_size=268435456;`)

  const scope = createTransactionScope()
  const turn = createTurns()
  const write = query(writer)
  const read = query(reader)

  const options = onStatement && { logger: { logQuery: onStatement } }
  const inside = drizzle(write, options)
  const outside = drizzle(
    (text, params, method) => (isSelect(text) ? read(text, params, method) : turn(() => write(text, params, method))),
    options,
  )
  guardSession(inside, calm)
  guardSession(outside, async (statement) => {
    scope.refuseInside()
    return calm(statement)
  })
  const transaction = (async (work) => {
    scope.refuseInside()
    return turn(() => scope.run(() => inside.transaction((handle) => work(handle as never), { behavior: "immediate" })))
  }) as Db["transaction"]
  const db = Object.assign(outside, { transaction }) as unknown as Db

  return {
    dialect: "sqlite",
    db,
    tables: defineTables(sqliteKit),
    signals: createLocalSignals((tell, isInside) => {
      if (!isInside) scope.refuseInside()
      scope.after(tell)
    }),
    transaction: (work) => db.transaction(work),
    migrate: (migrations = sqliteMigrations) => turn(() => calm(async () => migrateSqlite(writer, migrations))),
    close: () =>
      turn(async () => {
        reader.close()
        writer.run("PRAGMA wal_checkpoint(TRUNCATE)")
        writer.close()
      }),
  }
}

/** The files beside it take over its mode. */
function createPrivateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, "a", 0o600))
}

function isSelect(text: string): boolean {
  return /^\s*select\b/i.test(text)
}

function query(client: Client): AsyncRemoteCallback {
  return async (text, params, method) => {
    if (text === "rollback" && !client.inTransaction) return { rows: [] }
    const statement = client.query(text)
    // better-auth counts changed rows, which drizzle's type for the answer does not know.
    if (method === "run") return { rows: [], ...statement.run(...params) }
    const rows = statement.values(...params)
    return { rows: method === "get" ? (rows[0] as never) : rows }
  }
}

async function calm<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toDatabaseError(error)
  }
}

/** Each piece of work starts when the one before it has ended. */
function createTurns() {
  let last: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }
}
