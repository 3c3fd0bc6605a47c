/**
 * For whoever makes an `api`, not for plugins: puts drizzle on the calls that `api.db` consists of, in the host, in a
 * process of the plugin's own, and in a test.
 *
 * @module
 */
import type { DatabaseApi, PluginDrizzle } from "./database.ts"
import { PluginError } from "./errors.ts"
import type { TableKit } from "./kit-postgres.ts"
import { setTableKit } from "./tables.ts"

/** The calls alone: what crosses the border between host and plugin. */
export type DatabaseCalls = Pick<DatabaseApi, "all" | "run" | "transaction">

/** Makes an `api.db` of its calls; its drizzle is made when it is first asked for. */
export type MakeDatabase = (calls: DatabaseCalls) => DatabaseApi

/** Only the dialect in use is loaded. */
export async function loadDrizzle(dialect: DatabaseApi["dialect"]): Promise<MakeDatabase> {
  const { make, kit } = dialect === "sqlite" ? await loadSqlite() : await loadPostgres()
  return ({ all, run, transaction }) => {
    let made: PluginDrizzle | undefined
    const calls = { all, run, transaction }
    const db: DatabaseApi = {
      dialect,
      ...calls,
      get drizzle() {
        made ??= Object.assign(bare(make(calls)), { transaction: refuseTransaction }) as unknown as PluginDrizzle
        return made
      },
    }
    setTableKit(db, kit)
    return db
  }
}

type Dialect = { make(calls: DatabaseCalls): object; kit: TableKit }

async function loadSqlite(): Promise<Dialect> {
  const [{ drizzle }, { sqliteKit }] = await Promise.all([
    import("drizzle-orm/sqlite-proxy"),
    import("./kit-sqlite.ts"),
  ])
  const make = ({ all, run }: DatabaseCalls) =>
    drizzle(async (sql, params, method) => {
      if (method === "run") {
        await run(sql, params)
        // as on Postgres: what a write without "returning" gives is an empty list
        return [] as never
      }
      const rows = await all(sql, params, { arrays: true })
      // of a row that is not there it wants nothing at all
      return { rows: method === "get" ? (rows[0] as unknown[]) : rows }
    })
  return { make, kit: sqliteKit }
}

async function loadPostgres(): Promise<Dialect> {
  const [{ drizzle }, { postgresKit }] = await Promise.all([
    import("drizzle-orm/pg-proxy"),
    import("./kit-postgres.ts"),
  ])
  const make = ({ all }: DatabaseCalls) =>
    drizzle(async (sql, params, method) => ({ rows: await all(sql, params, { arrays: method === "all" }) }))
  return { make, kit: postgresKit }
}

type Query = () => Promise<unknown>
type Prepared = { queryWithCache(text: string, params: unknown[], query: Query): Promise<unknown> }
type Session = { prepareQuery(...values: unknown[]): Prepared }

/** Without drizzle's wrapper around errors, which puts the values into the message and hides the code. */
function bare(handle: object): object {
  const { session } = handle as { session: Session }
  const prepare = session.prepareQuery.bind(session)
  session.prepareQuery = (...values) =>
    Object.assign(prepare(...values), { queryWithCache: (_text: string, _params: unknown[], query: Query) => query() })
  return handle
}

async function refuseTransaction(): Promise<never> {
  throw new PluginError(
    "Cannot run drizzle's transaction: give api.db.transaction the statements as a list, each by toSQL()",
    { code: "QUERY_REFUSED" },
  )
}
