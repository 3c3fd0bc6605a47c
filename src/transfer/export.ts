import type { Core } from "../core/core.ts"
import type { Database } from "../db/database.ts"
import type { RunContext } from "../jobs/operations.ts"
import { createCurrentUser, type Users } from "./current-user.ts"
import { openEntryPages } from "./entry-pages.ts"
import type { FormatName } from "./format.ts"
import { formats } from "./formats.ts"
import { createPause } from "./pause.ts"

export type TransferParts = { readonly database: Database; readonly core: Core; readonly users: Users }

/** Characters of a page: making it stops everyone else for as long as it takes. */
const pageSize = 24 * 1024
const mostEntries = 100

/** Writes the active entries that the user may read, with the attributes that he may read. */
export async function runExport(
  { database, core, users }: TransferParts,
  { user, job, signal, progress, output }: RunContext,
  { format: name }: { format: FormatName },
): Promise<{ entries: number }> {
  const pages = await openEntryPages(core, database, Number(job.target?.id), createCurrentUser(users, user))
  const format = formats[name]
  const { head, rows, tail } = format.encode(pages.attributes)
  const file = output({ content_type: format.contentType, file_name: `${job.target?.name ?? "entries"}.${name}` })
  const pause = createPause()
  let entries = 0
  let limit = 10
  await file.write(head)
  for (;;) {
    signal.throwIfAborted()
    const page = await pages.read(limit)
    if (!page) break
    const text = rows(page.entries)
    await file.write(text)
    entries += page.entries.length
    await progress(page.part * 99, `${entries} entries`)
    // twice as many at most: the next ones may be longer
    limit = toLimit(2 * limit, text.length / page.entries.length)
    await pause()
  }
  await file.write(tail)
  await progress(100, `${entries} entries`)
  return { entries }
}

function toLimit(most: number, size: number): number {
  return Math.max(1, Math.min(mostEntries, most, Math.floor(pageSize / size)))
}
