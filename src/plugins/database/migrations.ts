import { createHash } from "node:crypto"
import type { Migration } from "@pagoda/sdk"
import { PagodaError } from "../../errors.ts"
import type { PluginMigration } from "./plugin-database.ts"
import type { SqlDialect } from "./tokens.ts"

export type AppliedMigration = { name: string; checksum: string }

/** In the plugin's own database, so that it goes where the data goes. */
export const createMigrationTable =
  "create table if not exists _migration (name text primary key, checksum text not null, applied_at text not null)"

export function toMigrations(migrations: readonly Migration[], dialect: SqlDialect): PluginMigration[] {
  return migrations.map(({ name, up }) => {
    const sql = typeof up === "string" ? up : up[dialect]
    return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") }
  })
}

/** What is still to be done, in the plugin's own order. @throws MIGRATION_CHANGED, DATABASE_NEWER */
export function findPending(
  id: string,
  migrations: readonly PluginMigration[],
  applied: readonly AppliedMigration[],
): PluginMigration[] {
  const declared = new Map(migrations.map((migration) => [migration.name, migration]))
  const unknown = applied.filter(({ name }) => !declared.has(name))
  const last = migrations
    .map(({ name }) => name)
    .toSorted(byText)
    .at(-1)
  const [first] = unknown
  if (first && unknown.every(({ name }) => last === undefined || name > last)) {
    const names = unknown.map(({ name }) => `"${name}"`).join(", ")
    throw refuse(
      "DATABASE_NEWER",
      id,
      `a newer version of the plugin applied ${names}, which this one does not have; take that version again ("pagoda plugin update ${id}")`,
    )
  }
  if (first) {
    throw refuse(
      "MIGRATION_CHANGED",
      id,
      `"${first.name}" was applied as "${first.checksum}", this version has it no more; put it back as it was`,
    )
  }
  for (const { name, checksum } of applied) {
    const now = declared.get(name)?.checksum
    if (now === checksum) continue
    throw refuse(
      "MIGRATION_CHANGED",
      id,
      `"${name}" was applied as "${checksum}", this version has it as "${now}"; restore it and put what changed into a new migration`,
    )
  }
  const done = new Set(applied.map(({ name }) => name))
  return migrations.filter(({ name }) => !done.has(name))
}

function refuse(code: "DATABASE_NEWER" | "MIGRATION_CHANGED", id: string, problem: string): PagodaError {
  return new PagodaError(code, `Cannot migrate the database of plugin "${id}": ${problem}`, { plugin: id })
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}
