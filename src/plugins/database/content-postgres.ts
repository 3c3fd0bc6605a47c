import { sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { PagodaError, toPagodaError } from "../../errors.ts"
import { toSchemaName } from "./names.ts"
import type { PluginContent } from "./plugin-database.ts"
import { openPostgresDatabase, type PostgresContext } from "./postgres.ts"
import { toApplicationName } from "./postgres-client.ts"
import { dropSchemaAndRole, name as quote, read, readRole } from "./postgres-role.ts"

export async function inspectSchema(id: string, context: PostgresContext): Promise<PluginContent | undefined> {
  const { db } = context.database
  const schema = toSchemaName(id)
  const [known] = await read(db, sql`select 1 from pg_namespace where nspname = ${schema}`)
  if (!known) return undefined
  const found = await read<{ name: string; bytes: string }>(
    db,
    sql`select c.relname as name, pg_total_relation_size(c.oid)::text as bytes
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = ${schema} and c.relkind in ('r', 'p') and c.relname <> '_migration' order by c.relname`,
  )
  const { role } = await readRole(context.database, schema)
  const sessions = await countSessions(context.database, schema, role)
  const tables = await countRows(
    id,
    found.map(({ name }) => name),
    context,
  )
  const bytes = found.reduce((sum, { bytes }) => sum + Number(bytes), 0)
  return { where: `schema "${schema}"`, bytes, sessions, tables }
}

/** By the plugin's own role: the core's user need not be let into its tables. */
async function countRows(id: string, names: string[], context: PostgresContext): Promise<PluginContent["tables"]> {
  const own = openPostgresDatabase(id, context)
  const count = async (name: string) => {
    const [row] = (await own.all(`select count(*) as rows from ${quote(name)}`)) as { rows: number }[]
    return row?.rows
  }
  try {
    const tables = []
    for (const name of names) tables.push({ name, rows: await count(name).catch(letUncounted) })
    return tables
  } finally {
    await own.close()
  }
}

/** What is too large to be counted in time, or closed to its own plugin, can be deleted all the same. */
function letUncounted(error: unknown): undefined {
  if (toPagodaError(error)?.code !== "QUERY_FAILED") throw error
}

export async function dropSchema(id: string, context: PostgresContext): Promise<boolean> {
  const { database } = context
  const schema = toSchemaName(id)
  const { role, exists } = await readRole(database, schema)
  const [known] = await read(database.db, sql`select 1 from pg_namespace where nspname = ${schema}`)
  if (!known && !exists) return false
  const sessions = await countSessions(database, schema, role)
  if (sessions > 0) {
    throw new PagodaError(
      "CONFLICT",
      `Cannot delete the database of plugin "${id}": a host has ${sessions} connections to schema "${schema}"; let every host go without the plugin first`,
      { plugin: id },
    )
  }
  await dropSchemaAndRole(database, schema, role)
  return true
}

/** One that was just closed is seen for a moment still; a plugin without a role is known by what its connections say. */
async function countSessions({ db }: Database, schema: string, role: string): Promise<number> {
  for (let tries = 0; ; tries++) {
    const [row] = await read<{ count: number }>(
      db,
      sql`select count(*)::int as count from pg_stat_activity
          where datname = current_database() and (usename = ${role} or application_name = ${toApplicationName(schema)})`,
    )
    if (!row?.count || tries === 10) return row?.count ?? 0
    await Bun.sleep(100)
  }
}
