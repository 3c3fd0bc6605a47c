import { type Issue, PagodaError } from "../errors.ts"
import type { RowOutcome } from "./import-row.ts"

/** `path` is that of the row as JSON: `id`, `name`, `attrs.<name>`; empty: the row itself. */
export type ImportError = { row: number; path: string; message: string; code: string }

/** How far an import has come. Rows are counted from 1, without the line that names the columns. */
export type ImportState = {
  readonly id: number
  readonly attempt: number
  /** Of the file, in code units. */
  readonly size: number
  /** How many rows are done. */
  readonly position: number
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly failed: number
  readonly errors: readonly ImportError[]
}

/** What the job answers. */
export type ImportReport = Pick<ImportState, "created" | "updated" | "unchanged" | "failed" | "errors">

/** More than anyone looks through. */
const mostErrors = 1_000
const toldErrors = 10

export function afterRow(state: ImportState, outcome: RowOutcome): ImportState {
  return { ...state, position: state.position + 1, [outcome]: state[outcome] + 1 }
}

export function afterFailure(state: ImportState, issues: readonly Issue[]): ImportState {
  const row = state.position + 1
  const more = issues.slice(0, mostErrors - state.errors.length)
  const errors = [...state.errors, ...more.map(({ path, message, code }) => ({ row, path, message, code }))]
  return { ...state, position: row, failed: state.failed + 1, errors: more.length > 0 ? errors : state.errors }
}

export function toMessage({ position, created, updated, unchanged, failed }: ImportState): string {
  return `${position} rows: ${created} created, ${updated} updated, ${unchanged} unchanged, ${failed} failed`
}

/** @throws IMPORT_INVALID where nothing in the file was of any use */
export function toReport({ created, updated, unchanged, failed, errors }: ImportState): ImportReport {
  if (failed > 0 && created + updated + unchanged === 0) {
    const all = errors
      .slice(0, toldErrors)
      .map(({ row, path, message }) => `row ${row}: ${path ? `${path}: ` : ""}${message}`)
    const more = errors.length > toldErrors ? "; …" : ""
    throw new PagodaError("IMPORT_INVALID", `Nothing was imported: ${all.join("; ")}${more}`)
  }
  return { created, updated, unchanged, failed, errors }
}
