import { createHmac } from "node:crypto"
import type { Database } from "../../db/database.ts"
import { toDatabaseError } from "../../db/database-error.ts"
import { migratePostgres } from "./migrate-postgres.ts"
import { toSchemaName } from "./names.ts"
import type { PluginDatabase } from "./plugin-database.ts"
import { type Credentials, openPostgresClient, type PluginClient } from "./postgres-client.ts"
import { ensureRole, ensureSchema, isForbidden, readRole } from "./postgres-role.ts"
import { toQueryError } from "./query-error.ts"
import type { ReportRepair } from "./repair.ts"
import { createBounds } from "./values.ts"

export type PostgresContext = {
  readonly database: Database
  readonly url: string
  /** Replicas share it, so that they agree on the passwords of the roles. */
  readonly key: Uint8Array
  readonly repairs: ReportRepair
}

/** The schema and the role are made by the first call that finds them missing. */
export function openPostgresDatabase(id: string, context: PostgresContext): PluginDatabase {
  const schema = toSchemaName(id)
  let opened: Promise<PluginClient> | undefined
  let isClosed = false

  /** Once closed nothing stays open: what a job of the old version still does is let through. */
  const use = async <T>(work: (client: PluginClient) => Promise<T>): Promise<T> => {
    if (!isClosed) {
      opened ??= connect(id, schema, context)
      opened.catch(() => {
        opened = undefined
      })
      return work(await opened)
    }
    const late = await connect(id, schema, context)
    try {
      return await work(late)
    } finally {
      await late.end()
    }
  }
  const calm = async <T>(work: (client: PluginClient) => Promise<T>): Promise<T> => {
    try {
      return await use(work)
    } catch (error) {
      throw toQueryError(id, error)
    }
  }

  return {
    dialect: "postgres",
    async all(sql, params, { arrays = false } = {}) {
      const answer = await calm((client) => client.query(client.sql, sql, params))
      return arrays ? answer.arrays() : answer.rows()
    },
    async run(sql, params) {
      const { changes } = await calm((client) => client.query(client.sql, sql, params))
      return { changes }
    },
    transaction: (statements) =>
      calm((client) =>
        client.sql.begin(async (tx) => {
          const answers = []
          const check = createBounds()
          for (const { sql, params } of statements) {
            const answer = await client.query(tx, sql, params, check)
            answers.push({ rows: answer.rows(), changes: answer.changes })
          }
          return answers
        }),
      ),
    migrate: (migrations) => calm((client) => migratePostgres(id, client.sql, schema, migrations)),
    async close() {
      isClosed = true
      const client = await opened?.catch(() => undefined)
      await client?.end()
    },
  }
}

async function connect(id: string, schema: string, context: PostgresContext): Promise<PluginClient> {
  const { database, url, key, repairs } = context
  const { role: username, exists } = await readRole(database, schema)
  const as = { username, password: createHmac("sha256", key).update(username).digest("base64url") }
  const open = (as?: Credentials) => reach(openPostgresClient(url, schema, as), schema)
  const repair = { plugin: id, code: "PLUGIN_DATABASE_ROLE" }

  try {
    const known = exists ? await open(as) : undefined
    if (!known) await ensureRole(database, schema, username, as.password)
    const own = known ?? (await open(as))
    if (own) {
      await repairs.resolve(repair)
      return own
    }
  } catch (error) {
    if (!isForbidden(error)) throw error
  }
  await ensureSchema(database, id, schema)
  await repairs.report({
    ...repair,
    severity: "warning",
    message: `Plugin "${id}" uses the database as Pagoda's own user: a role of its own cannot be made or cannot log in, so nothing but its manners keeps it out of other tables`,
    mend: 'let the user of DATABASE_URL make roles ("alter role … createrole") and let them log in with a password (pg_hba.conf), then start the plugin again',
  })
  const shared = await open()
  if (shared) return shared
  throw new Error(`The schema "${schema}" of plugin "${id}" is not there although it was just made`)
}

/** Nothing where the role cannot log in, or finds no schema that it may use. */
async function reach(client: PluginClient, schema: string): Promise<PluginClient | undefined> {
  try {
    const [row] = await client.sql`select current_schema() as schema, has_schema_privilege(${schema}, 'create') as may`
    if (row?.schema === schema && row.may) return client
  } catch (thrown) {
    const error = toDatabaseError(thrown)
    const isMissing = (error as { code?: unknown }).code === "3F000"
    if (!isForbidden(error) && !isMissing) {
      await client.end()
      throw error
    }
  }
  await client.end()
  return undefined
}
