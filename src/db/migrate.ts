import { PagodaError } from "../errors.ts"

export type Migration = { name: string; sql: string; checksum: string }
export type AppliedMigration = { name: string; checksum: string }

export const createMigrationTable =
  "create table if not exists migration (name text primary key, checksum text not null, applied_at text not null)"

/** What is still to be done, in order of names: one that was merged late runs although a later one was applied. */
export function findPending(migrations: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]))
  const unknown = applied.filter(({ name }) => !known.has(name)).map(({ name }) => `"${name}"`)
  if (unknown.length > 0) {
    throw new PagodaError(
      "DATABASE_NEWER",
      `Cannot migrate the database: this program does not know ${unknown.join(", ")}; run the newer Pagoda that applied it`,
    )
  }
  for (const { name, checksum } of applied) {
    if (known.get(name)?.checksum === checksum) continue
    throw new PagodaError(
      "MIGRATION_CHANGED",
      `Cannot migrate the database: "${name}" was applied as "${checksum}", this program has "${known.get(name)?.checksum}"; restore the migration and add a new one`,
    )
  }
  const done = new Set(applied.map(({ name }) => name))
  return migrations.filter(({ name }) => !done.has(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
