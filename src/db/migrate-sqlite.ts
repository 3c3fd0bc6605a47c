import type { Database as Client } from "bun:sqlite"
import { type AppliedMigration, createMigrationTable, findPending, type Migration } from "./migrate.ts"

/** Each migration in a transaction of its own; another process may do the same at the same time. */
export function migrateSqlite(client: Client, migrations: readonly Migration[]): string[] {
  client.run(createMigrationTable)
  if (findPending(migrations, readApplied(client)).length === 0) return []
  // Inside a transaction this does nothing, and then rebuilding a table deletes all that refers to it.
  client.run("PRAGMA foreign_keys=OFF")
  try {
    const applied: string[] = []
    for (;;) {
      const name = applyNext(client, migrations)
      if (name === undefined) return applied
      applied.push(name)
    }
  } finally {
    client.run("PRAGMA foreign_keys=ON")
  }
}

function applyNext(client: Client, migrations: readonly Migration[]): string | undefined {
  const apply = client.transaction(() => {
    const [next] = findPending(migrations, readApplied(client))
    if (!next) return undefined
    client.run(next.sql)
    const broken = client.query<{ table: string }, []>("PRAGMA foreign_key_check").all()
    if (broken.length > 0) {
      throw new Error(`Cannot apply migration "${next.name}": rows of "${broken[0]?.table}" refer to what is not there`)
    }
    client
      .query("insert into migration (name, checksum, applied_at) values (?, ?, ?)")
      .run(next.name, next.checksum, new Date().toISOString())
    return next.name
  })
  return apply.immediate()
}

function readApplied(client: Client): AppliedMigration[] {
  return client.query<AppliedMigration, []>("select name, checksum from migration").all()
}
