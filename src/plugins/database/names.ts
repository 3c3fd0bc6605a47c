import { createHash } from "node:crypto"
import { join } from "node:path"

/** As long as Postgres lets a name be, in bytes. */
const longestName = 63
const longestSchema = longestName - "_db4294967295".length

/** SQLite's file of a plugin. An id has no letter that means something to a file system. */
export function toDatabaseFile(dataDir: string, id: string): string {
  return join(dataDir, "plugins", `${id}.db`)
}

/**
 * The schema of a plugin on Postgres, another one for each id: "_" is doubled, so that "-" can become a single one, and
 * what had to be cut has three in a row, which no id gives.
 */
export function toSchemaName(id: string): string {
  const name = `plugin_${id.replaceAll("_", "__").replaceAll("-", "_")}`
  if (name.length <= longestSchema) return name
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 20)
  return `${name.slice(0, longestSchema - digest.length - 3)}___${digest}`
}

/** Roles are the whole server's, schemas one database's: its oid keeps two installations on one server apart. */
export function toRoleName(schema: string, databaseOid: number | string): string {
  return `${schema}_db${databaseOid}`
}
