import { PagodaError } from "../errors.ts"

/**
 * What a driver refused, without what was in the statement: the drivers' own messages and details, and drizzle's, carry
 * the values, password hashes and tokens included, so that neither becomes the `cause`.
 */
export class DatabaseError extends Error {
  override name = "DatabaseError"
  readonly code: string
  readonly constraint: string | undefined

  constructor(code: string, reason: string, constraint?: string) {
    super(`The database refused a statement: ${reason} (${code})`)
    this.code = code
    this.constraint = constraint
  }
}

const uniqueCodes = new Set(["SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "23505"])

export function isUniqueViolation(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && uniqueCodes.has(error.code)
}

/** Of two transactions that waited for each other Postgres ended this one. */
export function isDeadlock(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.code === "40P01"
}

type DriverError = Error & { code?: unknown; constraint_name?: string; table_name?: string; errno?: unknown }

/** Anything a driver threw → what may be logged. Errors of other making are given back as they are. */
export function toDatabaseError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown
  const error: DriverError = thrown
  if (error.name === "SQLiteError") return toSqliteError(String(error.code ?? "SQLITE_ERROR"), error.message)
  if (isConnectionError(error)) {
    return new PagodaError("DATABASE_UNREACHABLE", `The database cannot be reached: ${error.code}; is it running?`)
  }
  // by what it has, not by its name: minified, that is two letters
  if ("severity" in error) return new DatabaseError(String(error.code), toReason(error), error.constraint_name)
  return thrown
}

/** What no statement is to blame for, and who runs Pagoda can mend. */
const sqliteTroubles: { [code: string]: string } = {
  SQLITE_BUSY: "does another program hold its file?",
  SQLITE_FULL: "is the disk full?",
  SQLITE_IOERR: "is its disk in order?",
  SQLITE_READONLY: "may its file be written?",
  SQLITE_CANTOPEN: "may its file be opened?",
}

function toSqliteError(code: string, message: string): Error {
  const [kind = ""] = /^SQLITE_[A-Z]+/.exec(code) ?? []
  const hint = sqliteTroubles[kind]
  if (hint === undefined) return new DatabaseError(code, message)
  return new PagodaError("DATABASE_UNREACHABLE", `The database cannot be used: ${message} (${code}); ${hint}`)
}

const connectionCodes =
  /^(?:E[A-Z_]+|CONNECTION_(?:CLOSED|ENDED|DESTROYED|REFUSED)|CONNECT_TIMEOUT|ConnectionRefused|08...|57P0[1-3]|53300)$/

export function isConnectionError(error: unknown): error is Error & { code: string } {
  if (!(error instanceof Error) || error instanceof PagodaError) return false
  const { code } = error as DriverError
  return typeof code === "string" && connectionCodes.test(code)
}

/** Classes of SQLSTATE whose message names tables, columns and constraints only, never a value. */
function toReason(error: DriverError): string {
  const code = String(error.code)
  if (error.constraint_name) return `constraint "${error.constraint_name}" of table "${error.table_name}"`
  return /^(?:23|25|26|40|42|53|54|55|57)/.test(code) ? error.message : "its data or its statement is not accepted"
}
