/**
 * A plugin's own database: a SQLite file, or a schema and a role of its own on Postgres. It never reaches the core's tables.
 *
 * @module
 */
import type { PgRemoteDatabase } from "drizzle-orm/pg-proxy"
import type { Json } from "./data.ts"

/** One row, by the names of its columns. */
export type SqlRow = Record<string, Json>

/** What `?` in a statement stands for: an object or a list is stored as its JSON text. */
export type SqlValue = Json

/** One statement with its values, each a `SqlValue`; what drizzle's `toSQL()` gives is one too. */
export type SqlStatement = { sql: string; params?: readonly unknown[] }

/** How many rows an `insert`, `update` or `delete` changed; 0 for everything else. */
export type RunResult = { changes: number }

/** What one statement of a transaction answered. */
export type StatementResult = { rows: SqlRow[]; changes: number }

/** `arrays`: each row is a list of its values in the order of the columns, so that two columns may have one name. */
export type QueryOptions = { arrays?: boolean }

/** drizzle's query builder. Await what it builds; for what one statement cannot do there is `api.db.transaction`. */
export type PluginDrizzle = Pick<
  PgRemoteDatabase,
  "select" | "selectDistinct" | "insert" | "update" | "delete" | "with" | "$with" | "$count"
>

/**
 * The plugin's own database; every call needs the permission `db`.
 *
 * One call is one statement: a `select` with everything that hangs on it, an `insert`, an `update`, a `create table`.
 * `begin`, `attach`, `set` and what else changes files, connections or transactions is refused.
 *
 * What comes back is plain JSON, the same from both databases: whole numbers and fractions are numbers, a whole number
 * beyond 2^53 is a string of its digits, bytes are a string of lower-case hex (written with `unhex(?)` on SQLite and
 * `decode(?, 'hex')` on Postgres), a `timestamptz` is ISO 8601 in UTC. JSON columns come as their text; `json` of
 * `defineTables` reads it. SQLite has no booleans: there they are 1 and 0, unless `boolean` of `defineTables` reads them.
 *
 * An answer has at most 100 000 rows and 64 MB, those of one transaction together. On Postgres a statement may take 30 s;
 * on SQLite it runs in the host's own process, which waits for it: keep statements short there.
 */
export type DatabaseApi = {
  /** Which database the host runs on, for SQL that differs. */
  readonly dialect: "sqlite" | "postgres"
  /**
   * Runs one statement and gives its rows: a `select`, or a write with `returning`.
   *
   * @example const rows = await api.db.all("select name, count from visit where count > ?", [10])
   * @throws `PluginError` with code `CONFLICT` where a value is taken or a row is referred to, `QUERY_FAILED` for what the
   *   database refuses, `QUERY_REFUSED` for what a plugin may not run or for an answer that is too large;
   *   `PluginSecurityError` without the permission `db`
   */
  all(sql: string, params?: readonly SqlValue[]): Promise<SqlRow[]>
  all(sql: string, params: readonly SqlValue[] | undefined, options: { arrays: true }): Promise<SqlValue[][]>
  all(sql: string, params?: readonly SqlValue[], options?: QueryOptions): Promise<SqlRow[] | SqlValue[][]>
  /**
   * Runs one statement and gives how many rows it changed.
   *
   * @example const { changes } = await api.db.run("delete from visit where seen_at < ?", [before])
   * @throws as `all`
   */
  run(sql: string, params?: readonly SqlValue[]): Promise<RunResult>
  /**
   * Runs statements one after the other, all of them or none: at most 1000.
   *
   * @example
   * await api.db.transaction([
   *   { sql: "update account set balance = balance - ? where id = ?", params: [5, 1] },
   *   api.db.drizzle.insert(transfer).values({ from: 1, to: 2, amount: 5 }).toSQL(),
   * ])
   * @throws as `all`; then nothing is written
   */
  transaction(statements: readonly SqlStatement[]): Promise<StatementResult[]>
  /**
   * drizzle on this database, with tables by `defineTables`: one query for both dialects.
   *
   * @example
   * const { visit } = tables(api.db)
   * const often = await api.db.drizzle.select().from(visit).where(gt(visit.count, 10))
   * @throws `PluginSecurityError` without the permission `db`
   */
  readonly drizzle: PluginDrizzle
}

/**
 * One step of the plugin's database, run once, in order, before `initialize`. One that ran is never changed again: what
 * changes is a new one. Several statements are separated by semicolons, and are taken back together when one fails.
 *
 * @example
 * migrations: [
 *   { name: "0001_init", up: "create table visit (name text primary key, count bigint not null default 0)" },
 *   { name: "0002_seen", up: { sqlite: "alter table visit add seen_at text", postgres: "alter table visit add seen_at timestamptz" } },
 * ]
 */
export type Migration = {
  /** Unique in the plugin; letters, digits, `_`, `-` and `.`, such as `0001_init`. */
  name: string
  /** One text for both dialects, or one for each. */
  up: string | { sqlite: string; postgres: string }
}
