import type postgres from "postgres"
import { type AppliedMigration, createMigrationTable, findPending, type Migration } from "./migrate.ts"

/** Any number that no one else on this database takes. */
const lock = 7_240_001

/** Under a lock of the server's, for replicas that start at once. */
export async function migratePostgres(client: postgres.Sql, migrations: readonly Migration[]): Promise<string[]> {
  if (await isCurrent(client, migrations)) return []
  const connection = await client.reserve()
  try {
    await connection`select pg_advisory_lock(${lock})`
    await connection.unsafe(createMigrationTable)
    const pending = findPending(migrations, await readApplied(connection))
    for (const migration of pending) await apply(connection, migration)
    return pending.map(({ name }) => name)
  } finally {
    await connection`select pg_advisory_unlock(${lock})`.catch(() => client.end({ timeout: 0 }))
    connection.release()
  }
}

async function isCurrent(client: postgres.Sql, migrations: readonly Migration[]): Promise<boolean> {
  const [table] = await client`select to_regclass('migration') is not null as exists`
  return table?.exists && findPending(migrations, await readApplied(client)).length === 0
}

async function apply(connection: postgres.ReservedSql, { name, sql, checksum }: Migration): Promise<void> {
  await connection`begin`
  try {
    await connection.unsafe(sql)
    await connection`insert into migration values (${name}, ${checksum}, ${new Date().toISOString()})`
    await connection`commit`
  } catch (error) {
    await connection`rollback`
    throw error
  }
}

async function readApplied(client: postgres.Sql): Promise<AppliedMigration[]> {
  return client<AppliedMigration[]>`select name, checksum from migration`
}
