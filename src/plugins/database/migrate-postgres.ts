import type postgres from "postgres"
import { checkStatement } from "./guard.ts"
import { type AppliedMigration, createMigrationTable, findPending } from "./migrations.ts"
import type { PluginMigration } from "./plugin-database.ts"
import { toMigrationError } from "./query-error.ts"
import { splitStatements } from "./statements.ts"

/** Any number: no one but the plugin's own role takes it for its schema. */
const lock = 7_240_004
const longest = "10min"

/** Each migration in a transaction of its own, under a lock for replicas that start at once. */
export async function migratePostgres(
  id: string,
  client: postgres.Sql,
  schema: string,
  migrations: readonly PluginMigration[],
): Promise<string[]> {
  const [table] = await client`select to_regclass('_migration') is not null as exists`
  if (table?.exists && findPending(id, migrations, await readApplied(client)).length === 0) return []
  const applied: string[] = []
  for (;;) {
    const name = await client.begin((tx) => applyNext(id, tx, schema, migrations))
    if (name === undefined) return applied
    applied.push(name)
  }
}

async function applyNext(
  id: string,
  tx: postgres.TransactionSql,
  schema: string,
  migrations: readonly PluginMigration[],
): Promise<string | undefined> {
  await tx.unsafe(`set local statement_timeout = '${longest}'`)
  await tx.unsafe(`set local lock_timeout = '${longest}'`)
  await tx`select pg_advisory_xact_lock(${lock}, hashtext(${schema}))`
  await tx.unsafe(createMigrationTable)
  const [next] = findPending(id, migrations, await readApplied(tx))
  if (!next) return undefined
  try {
    for (const statement of splitStatements(next.sql, "postgres")) {
      checkStatement(statement, "postgres", { isMigration: true })
      await tx.unsafe(statement.sql, [], { simple: false } as object)
    }
  } catch (error) {
    throw toMigrationError(id, next.name, error)
  }
  await tx`insert into _migration values (${next.name}, ${next.checksum}, ${new Date().toISOString()})`
  return next.name
}

async function readApplied(client: postgres.Sql | postgres.TransactionSql): Promise<AppliedMigration[]> {
  return client<AppliedMigration[]>`select name, checksum from _migration order by name`
}
