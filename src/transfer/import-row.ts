import type { User } from "@pagoda/sdk"
import { and, eq } from "drizzle-orm"
import type { Core } from "../core/core.ts"
import { show } from "../core/fields.ts"
import type { Database, Transaction } from "../db/database.ts"
import { type Issue, PagodaError, toPagodaError } from "../errors.ts"
import type { FileRow } from "./format.ts"

export type RowOutcome = "created" | "updated" | "unchanged"

/** In the transaction of the row; not where nothing is written. */
type AlongRow = (handle: Transaction, outcome: RowOutcome) => Promise<unknown>

/** Writes rows of a file as entries: one with an id changes that entry, one without makes another. */
export function createRowWriter(
  { entries }: Pick<Core, "entries">,
  { db, tables: { entry } }: Database,
  entityId: number,
): (user: User, row: FileRow, along: AlongRow) => Promise<RowOutcome> {
  async function isEntry(id: number): Promise<boolean> {
    const found = await db
      .select({ id: entry.id })
      .from(entry)
      .where(and(eq(entry.id, id), eq(entry.entity_id, entityId)))
    return found.length > 0
  }

  return async (user, row, along) => {
    const { id = null, ...body } = row()
    if (id === null) {
      await entries.create(user, entityId, body, { along: (handle) => along(handle, "created") })
      return "created"
    }
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 1) {
      throw refuseId(`the value is ${show(id)}, wanted the id of an entry or nothing`, "REFERENCE")
    }
    const missing = (cause?: unknown) => refuseId(`the entity has no entry ${id}`, "REFERENCE_MISSING", cause)
    if (!(await isEntry(id))) throw missing()
    let outcome: RowOutcome = "unchanged"
    try {
      await entries.update(user, id, body, {
        along(handle) {
          outcome = "updated"
          return along(handle, outcome)
        },
      })
    } catch (error) {
      // one that he may not read is as missing as one that is not there
      throw toPagodaError(error)?.code === "NOT_FOUND" ? missing(error) : error
    }
    return outcome
  }
}

/** What is wrong with a row; nothing where it was not the row that failed. */
export function toRowIssues(thrown: unknown): Issue[] | undefined {
  const error = toPagodaError(thrown)
  if (!error || error.status >= 500) return undefined
  const { code, message, issues } = error
  return issues && issues.length > 0 ? issues : [{ path: "", message, code }]
}

function refuseId(message: string, code: string, cause?: unknown): PagodaError {
  const issues = [{ path: "id", message, code }]
  return new PagodaError("IMPORT_INVALID", `Cannot import the row: ${message}`, { issues, cause })
}
