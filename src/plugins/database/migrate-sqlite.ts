import type { Database as Client } from "bun:sqlite"
import { PagodaError } from "../../errors.ts"
import { checkStatement } from "./guard.ts"
import { type AppliedMigration, createMigrationTable, findPending } from "./migrations.ts"
import type { PluginMigration } from "./plugin-database.ts"
import { splitStatements } from "./statements.ts"

type Explain = (id: string, name: string, thrown: unknown) => unknown

/** Each migration in a transaction of its own; a command may do the same at the same time. */
export function migrateSqlite(
  id: string,
  client: Client,
  migrations: readonly PluginMigration[],
  explain: Explain,
): string[] {
  client.run(createMigrationTable)
  if (findPending(id, migrations, readApplied(client)).length === 0) return []
  // inside a transaction this does nothing, and then rebuilding a table deletes all that refers to it
  client.run("PRAGMA foreign_keys=OFF")
  try {
    const applied: string[] = []
    for (;;) {
      const name = applyNext(id, client, migrations, explain)
      if (name === undefined) return applied
      applied.push(name)
    }
  } finally {
    client.run("PRAGMA foreign_keys=ON")
  }
}

function applyNext(
  id: string,
  client: Client,
  migrations: readonly PluginMigration[],
  explain: Explain,
): string | undefined {
  const apply = client.transaction(() => {
    const [next] = findPending(id, migrations, readApplied(client))
    if (!next) return undefined
    try {
      runScript(id, client, next)
    } catch (error) {
      throw explain(id, next.name, error)
    }
    client
      .query("insert into _migration (name, checksum, applied_at) values (?, ?, ?)")
      .run(next.name, next.checksum, new Date().toISOString())
    return next.name
  })
  return apply.immediate()
}

function runScript(id: string, client: Client, { name, sql }: PluginMigration): void {
  for (const statement of splitStatements(sql, "sqlite")) {
    checkStatement(statement, "sqlite", { isMigration: true })
    const prepared = client.prepare(statement.sql)
    try {
      prepared.run()
    } finally {
      prepared.finalize()
    }
  }
  const [broken] = client.query<{ table: string }, []>("PRAGMA foreign_key_check").all()
  if (!broken) return
  throw new PagodaError(
    "MIGRATION_FAILED",
    `Cannot migrate the database of plugin "${id}": after "${name}" rows of "${broken.table}" refer to what is not there; it was taken back`,
    { plugin: id },
  )
}

function readApplied(client: Client): AppliedMigration[] {
  return client.query<AppliedMigration, []>("select name, checksum from _migration").all()
}
