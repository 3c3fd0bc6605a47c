import { drizzle } from "drizzle-orm/postgres-js"
import postgres from "postgres"
import { PagodaError } from "../errors.ts"
import type { Database, DatabaseOptions, Db, Transaction } from "./database.ts"
import { isConnectionError, toDatabaseError } from "./database-error.ts"
import { postgresKit } from "./kit.ts"
import { migratePostgres } from "./migrate-postgres.ts"
import { postgresMigrations } from "./migrations.ts"
import { defineTables } from "./schema.ts"
import { createTransactionScope, guardSession } from "./session-guard.ts"
import { createPostgresSignals } from "./signals-postgres.ts"

const oldestServer = 15

export async function openPostgres(url: string, onStatement?: DatabaseOptions["onStatement"]): Promise<Database> {
  const place = toPlace(url)
  const client = postgres(url, {
    max: 10,
    connect_timeout: 10,
    connection: { application_name: "pagoda" },
    onnotice: () => {},
  })
  try {
    await checkServer(client, place)
  } catch (error) {
    await client.end({ timeout: 0 })
    throw error
  }

  const scope = createTransactionScope()
  const running = new Set<Promise<unknown>>()
  const run = <T>(work: () => Promise<T>): Promise<T> => {
    scope.refuseInside()
    const result = calm(work)
    running.add(result)
    return result.finally(() => running.delete(result))
  }
  const db: Db = drizzle(client, onStatement ? { logger: { logQuery: onStatement } } : {})
  guardSession(db, run)
  const begin = db.transaction.bind(db)
  db.transaction = async (work, config) =>
    run(() => begin((handle) => scope.run(() => work(guardTransaction(handle))), config))
  const signals = createPostgresSignals(url, db)

  return {
    dialect: "postgres",
    db,
    tables: defineTables(postgresKit),
    signals,
    transaction: (work) => db.transaction(work),
    migrate: (migrations = postgresMigrations) => calm(() => migratePostgres(client, migrations)),
    async close() {
      await signals.close()
      // `end` drops what still waits for a connection, and waits in vain for one that the server broke.
      await Promise.allSettled(running)
      await client.end({ timeout: 1 })
    },
  }
}

/** Nested ones are savepoints, each with a session of its own. */
function guardTransaction(handle: Transaction): Transaction {
  guardSession(handle, calm)
  const nest = handle.transaction.bind(handle)
  handle.transaction = (work) => nest((nested) => work(guardTransaction(nested)))
  return handle
}

async function calm<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toDatabaseError(error)
  }
}

/** What may be shown of the address: never the user's password, so neither the URL nor the parser's error. */
function toPlace(url: string): string {
  if (!URL.canParse(url)) {
    throw new PagodaError("CONFIG_INVALID", 'Cannot open the database: DATABASE_URL is no URL, wanted "postgres://…"')
  }
  const { hostname, port, pathname } = new URL(url)
  return `${hostname}:${port || 5432}${pathname}`
}

async function checkServer(client: postgres.Sql, place: string): Promise<void> {
  const version = await readVersion(client, place)
  if (version >= oldestServer) return
  throw new PagodaError(
    "DATABASE_UNSUPPORTED",
    `Cannot use the database at "${place}": it is PostgreSQL ${version}, wanted ${oldestServer} or newer`,
  )
}

async function readVersion(client: postgres.Sql, place: string): Promise<number> {
  try {
    const [row] = await client`select current_setting('server_version_num')::int / 10000 as version`
    return row?.version
  } catch (error) {
    const reason = isConnectionError(error) ? error.code : error instanceof Error ? error.message : String(error)
    throw new PagodaError(
      "DATABASE_UNREACHABLE",
      `Cannot reach the database at "${place}": ${reason}; check DATABASE_URL and that the server runs`,
    )
  }
}
