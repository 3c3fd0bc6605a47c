import { afterEach, beforeAll, describe } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Database, type DatabaseOptions, openDatabase } from "../../src/db/database.ts"
import { createPostgresDatabase, startPostgres } from "./postgres.ts"

export const dialects = ["sqlite", "postgres"] as const
export type Dialect = (typeof dialects)[number]

/** Knows where it is, for what opens it once more. */
export type TestDatabase = Database & { readonly place: DatabaseOptions }

/** Opens a fresh, migrated database, or the one at a place that `open.place()` gave. All is gone after the test. */
export type OpenTestDatabase = {
  (options?: { place?: DatabaseOptions; migrate?: boolean }): Promise<TestDatabase>
  /** An empty database to open more than once, or to hand to a process. */
  place(): Promise<DatabaseOptions>
}

/** The same tests on both databases. */
export function eachDatabase(define: (dialect: Dialect, open: OpenTestDatabase) => void): void {
  for (const dialect of dialects) {
    describe(dialect, () => {
      const undos: (() => Promise<unknown>)[] = []
      if (dialect === "postgres") beforeAll(startPostgres, 60_000)
      afterEach(async () => {
        for (const undo of undos.splice(0).reverse()) await undo()
      })
      define(dialect, createOpener(dialect, undos))
    })
  }
}

function createOpener(dialect: Dialect, undos: (() => Promise<unknown>)[]): OpenTestDatabase {
  const place = () => (dialect === "postgres" ? placeOnPostgres(undos) : placeOnSqlite(undos))
  const open = async ({ place: given, migrate = true }: { place?: DatabaseOptions; migrate?: boolean } = {}) => {
    const where = given ?? (await place())
    const database = Object.assign(await openDatabase(where), { place: where })
    let closing: Promise<void> | undefined
    const close = database.close
    database.close = () => {
      closing ??= close()
      return closing
    }
    undos.push(database.close)
    if (migrate) await database.migrate()
    return database
  }
  return Object.assign(open, { place })
}

async function placeOnPostgres(undos: (() => Promise<unknown>)[]): Promise<DatabaseOptions> {
  const { url, drop } = await createPostgresDatabase()
  undos.push(drop)
  return { url, file: "" }
}

async function placeOnSqlite(undos: (() => Promise<unknown>)[]): Promise<DatabaseOptions> {
  const folder = await mkdtemp(join(tmpdir(), "pagoda-sqlite-"))
  undos.push(() => rm(folder, { recursive: true, force: true }))
  return { file: join(folder, "pagoda.sqlite") }
}
