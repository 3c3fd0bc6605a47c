import { type Issue, PagodaError, toPagodaError } from "../errors.ts"
import type { RunContext } from "../jobs/operations.ts"
import { createCurrentUser } from "./current-user.ts"
import type { TransferParts } from "./export.ts"
import type { FileRow, FormatName } from "./format.ts"
import { formats } from "./formats.ts"
import { createRowWriter, toRowIssues } from "./import-row.ts"
import { afterFailure, afterRow, type ImportReport, type ImportState, toMessage, toReport } from "./import-state.ts"
import type { Imports } from "./imports.ts"
import { openEntity } from "./open-entity.ts"
import { createPause } from "./pause.ts"

export type ImportParams = { format: FormatName; file: number }

/** How many rows may be done that wrote nothing and are not written down: after a crash they are done again, to no effect. */
const mostUnsaved = 500

/**
 * Writes each row as the user would, in a transaction of its own that also says how far the import has come: whatever
 * happens, a row that was written is not written again.
 */
export async function runImport(
  { database, core, users, imports }: TransferParts & { readonly imports: Imports },
  { user, job, signal, progress, log, warn }: RunContext,
  { format, file }: ImportParams,
): Promise<ImportReport> {
  const begun = await imports.begin(file, job)
  if (!begun) throw new PagodaError("IMPORT_INVALID", "Cannot import the file: it is not kept any more; send it again")
  const entityId = Number(job.target?.id)
  const { attributes } = await openEntity(core, user, entityId, "writable")
  let state: ImportState = begun.state
  if (!begun.isOver) await writeRows()
  await imports.finish(job.id, state)
  const report = toReport(state)
  if (state.failed > 0) warn()
  return report

  async function writeRows(): Promise<void> {
    const currentUser = createCurrentUser(users, user)
    const writeRow = createRowWriter(core, database, entityId)
    const pause = createPause()
    const { id, size, position } = state
    const source = imports.open(id)
    let row = 0
    let unsaved = 0

    for await (const found of untilBroken(formats[format].parse(source.pieces(), attributes))) {
      signal.throwIfAborted()
      await pause()
      if (++row <= position) continue
      const writer = await currentUser()
      try {
        const outcome = await writeRow(writer, found, (handle, outcome) =>
          imports.save(handle, afterRow(state, outcome)),
        )
        state = afterRow(state, outcome)
        unsaved = outcome === "unchanged" ? unsaved + 1 : 0
      } catch (error) {
        const issues = toRowIssues(error)
        if (!issues) throw error
        state = afterFailure(state, issues)
        tell(issues)
        unsaved++
      }
      if (unsaved >= mostUnsaved) {
        await imports.save(database.db, state)
        unsaved = 0
      }
      await progress((source.read / Math.max(1, size)) * 99, toMessage(state))
    }
  }

  function tell(issues: readonly Issue[]): void {
    for (const { path, message, code } of issues) log("warn", message, { row: state.position, path, code })
  }
}

/** Where a file cannot be read further, that is its last row, which fails. */
async function* untilBroken(rows: AsyncIterable<FileRow>): AsyncIterable<FileRow> {
  try {
    yield* rows
  } catch (error) {
    if (toPagodaError(error)?.code !== "IMPORT_INVALID") throw error
    yield () => {
      throw error
    }
  }
}
