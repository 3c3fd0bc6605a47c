import type { ExtractTablesWithRelations } from "drizzle-orm"
import type { PgTransaction } from "drizzle-orm/pg-core"
import type { PostgresJsDatabase, PostgresJsQueryResultHKT } from "drizzle-orm/postgres-js"
import type { Migration } from "./migrate.ts"
import type { Tables } from "./schema.ts"
import type { Signals } from "./signals.ts"

type NoRelations = Record<string, never>

/**
 * Queries are typed as Postgres has them and run on both: await the builder (no `.get()`, `.run()`, `.execute()`), and
 * use `.returning()` for what a write did.
 */
export type Db = PostgresJsDatabase<NoRelations>
export type Transaction = PgTransaction<PostgresJsQueryResultHKT, NoRelations, ExtractTablesWithRelations<NoRelations>>

export type Database = {
  dialect: "sqlite" | "postgres"
  db: Db
  tables: Tables
  /** What processes that have this database open tell each other. */
  signals: Signals
  /** Commits what `work` did with the handle, or nothing. A query on `db` inside it throws. */
  transaction<T>(work: (handle: Transaction) => Promise<T>): Promise<T>
  /** Brings the schema up to this program's; gives the names of what it applied. */
  migrate(migrations?: readonly Migration[]): Promise<string[]>
  close(): Promise<void>
}

export type DatabaseOptions = {
  /** `postgres://…`; left out: SQLite. */
  url?: string | undefined
  /** SQLite's file; made where it is missing. */
  file: string
  /** Is told every statement, without its values: for tests that count them. */
  onStatement?: (text: string) => void
}

/** Only the dialect that is used is loaded. */
export async function openDatabase({ url, file, onStatement }: DatabaseOptions): Promise<Database> {
  if (url !== undefined) {
    const { openPostgres } = await import("./postgres.ts")
    return openPostgres(url, onStatement)
  }
  const { openSqlite } = await import("./sqlite.ts")
  return openSqlite(file, onStatement)
}
