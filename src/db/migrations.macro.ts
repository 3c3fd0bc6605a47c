import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Migration } from "./migrate.ts"

/** Runs while the program is made: the SQL becomes a constant of it. */
export function readMigrations(dialect: string): Migration[] {
  const folder = join(import.meta.dir, "migrations", dialect)
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => {
      const sql = readFileSync(join(folder, file), "utf8")
      return { name: file.slice(0, -".sql".length), sql, checksum: createHash("sha256").update(sql).digest("hex") }
    })
}
