import type { Json, QueryOptions, RunResult, SqlRow, StatementResult } from "@pagoda/sdk"
import type { SqlDialect } from "./tokens.ts"

/** A migration as one dialect runs it. */
export type PluginMigration = { readonly name: string; readonly sql: string; readonly checksum: string }

/** With values that were read as plain JSON. */
export type PlainStatement = { readonly sql: string; readonly params?: readonly Json[] }

/** One plugin's own database. It is opened by the first call, and again by one that comes after `close`. */
export type PluginDatabase = {
  readonly dialect: SqlDialect
  all(sql: string, params?: readonly Json[], options?: QueryOptions): Promise<SqlRow[] | Json[][]>
  run(sql: string, params?: readonly Json[]): Promise<RunResult>
  /** All of them or none. */
  transaction(statements: readonly PlainStatement[]): Promise<StatementResult[]>
  /** Gives the names of what it applied. @throws MIGRATION_CHANGED, DATABASE_NEWER, MIGRATION_FAILED */
  migrate(migrations: readonly PluginMigration[]): Promise<string[]>
  close(): Promise<void>
}

/** What a plugin keeps, for whoever is about to delete it. */
export type PluginContent = {
  /** The file, or the schema. */
  readonly where: string
  readonly bytes: number
  /** Connections that hosts have to it: on Postgres only. */
  readonly sessions: number
  /** Those whose rows cannot be counted have none. */
  readonly tables: readonly { readonly name: string; readonly rows: number | undefined }[]
}
