import { isUniqueViolation } from "../db/database-error.ts"
import { type Issue, PagodaError } from "../errors.ts"

export const longestName = 200

/** @param what such as `group`, for the message */
export function checkName(value: unknown, what: string, path = "name"): Issue[] {
  const refuse = (code: string, is: string) => [{ path, code, message: `the name of the ${what} ${is}` }]
  if (value === undefined || value === null) return refuse("NAME_MISSING", "is missing")
  if (typeof value !== "string") return refuse("NAME_INVALID", `is of type "${typeof value}", wanted a string`)
  if (value.trim() === "") return refuse("NAME_MISSING", "is blank")
  const length = value.length > 2 * longestName ? value.length : [...value].length
  if (length > longestName) return refuse("NAME_TOO_LONG", `has ${length} characters, wanted at most ${longestName}`)
  if (value.includes("\0") || !value.isWellFormed()) return refuse("NAME_INVALID", "has a NUL or half of a character")
  return []
}

/** Whether a name is free is known by the unique index alone: what it refuses becomes NAME_TAKEN. */
export async function naming<T>(what: string, name: unknown, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    const message = `the name "${name}" is taken`
    throw new PagodaError("NAME_TAKEN", `Cannot store the ${what}: ${message}`, {
      issues: [{ path: "name", message, code: "NAME_TAKEN" }],
      cause: error,
    })
  }
}
