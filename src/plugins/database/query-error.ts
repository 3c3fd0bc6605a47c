import { DatabaseError, toDatabaseError } from "../../db/database-error.ts"
import { PagodaError } from "../../errors.ts"

/** What a plugin can act on: something else with that value is there, or what it refers to is not. */
const conflicts = new Set([
  "SQLITE_CONSTRAINT_UNIQUE",
  "SQLITE_CONSTRAINT_PRIMARYKEY",
  "SQLITE_CONSTRAINT_ROWID",
  "SQLITE_CONSTRAINT_FOREIGNKEY",
  "23001",
  "23503",
  "23505",
  "23P01",
])

/** Whatever running a plugin's statement threw, as an error that names the plugin and holds no value of the statement. */
export function toQueryError(id: string, thrown: unknown): unknown {
  const error = toDatabaseError(thrown)
  if (!(error instanceof DatabaseError)) return error
  const message = `The query of plugin "${id}" failed: ${reasonOf(error)}`
  return new PagodaError(conflicts.has(error.code) ? "CONFLICT" : "QUERY_FAILED", message, { plugin: id, cause: error })
}

export function toMigrationError(id: string, name: string, thrown: unknown): unknown {
  const error = toDatabaseError(thrown)
  const isRefusal = error instanceof PagodaError && error.code === "QUERY_REFUSED"
  if (!isRefusal && !(error instanceof DatabaseError)) return error
  const reason = error instanceof DatabaseError ? reasonOf(error) : error.message
  const message = `Cannot migrate the database of plugin "${id}": "${name}" failed and was taken back: ${reason}`
  return new PagodaError("MIGRATION_FAILED", message, { plugin: id, cause: error })
}

function reasonOf({ message }: DatabaseError): string {
  return message.slice(message.indexOf(": ") + 2)
}
