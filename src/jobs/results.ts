import type { Database } from "../db/database.ts"
import { createParts, type PartWriter, type Try } from "./parts.ts"
import type { JobRow } from "./records.ts"
import type { Returned } from "./text.ts"

/** What a core operation writes as it goes, in place of returning it. */
export type OutputOptions = { content_type: string; file_name?: string }

/** The columns that say where a result is. */
export type KeptResult = Partial<Pick<JobRow, "text" | "parts" | "content_type" | "file_name">>

/** The result of one try. */
export type Result = {
  /** Once a try: what is written is the download; what `run` returns is still the job's text. */
  open(options: OutputOptions): Pick<PartWriter, "write">
  /** Stores what is too large for the row. The job's last write takes what it gives. */
  keep(returned: Returned): Promise<KeptResult>
}

/** Bytes of UTF-8. */
export const longestText = 1024 * 1024
const returned = { bytes: 100 * 1024 * 1024, name: "result" }
const written = { bytes: 1024 * 1024 * 1024, name: "output" }

export type Results = ReturnType<typeof createResults>

export function createResults(database: Database) {
  const parts = createParts(database)
  return {
    of(owner: Try): Result {
      let output: (OutputOptions & { writer: PartWriter }) | undefined
      return {
        open(options) {
          if (output) throw new Error(`The output of job ${owner.id} is open already`)
          const writer = parts.writer(owner, written)
          output = { ...options, writer }
          return { write: writer.write }
        },
        async keep({ text, content_type }) {
          if (output) {
            const { content_type, file_name = null, writer } = output
            return { text, parts: await writer.end(), content_type, file_name }
          }
          const kept = { content_type, file_name: null }
          if (text === null || Buffer.byteLength(text) <= longestText) return { ...kept, text, parts: 0 }
          const writer = parts.writer(owner, returned)
          await writer.write(text)
          return { ...kept, text: null, parts: await writer.end() }
        },
      }
    },
    parts,
  }
}
