import type { JobStatus } from "@pagoda/sdk"
import { PagodaError } from "../errors.ts"
import type { Parts } from "./parts.ts"
import { isFinal, type JobRow } from "./records.ts"

export type Download = {
  content_type: string
  file_name: string
  /** Of this result of this job: another run has another one. */
  etag: string
  byte_length: number
  read(): AsyncIterable<string>
}

const extensions: Record<string, string> = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "text/csv": "csv",
  "text/plain": "txt",
}

/** @throws JOB_NOT_DOWNLOADABLE, JOB_NOT_FINISHED, JOB_HAS_NO_RESULT */
export async function openDownload(row: JobRow, parts: Parts): Promise<Download> {
  const refuse = `Cannot download job ${row.id}`
  if (!row.downloadable) {
    throw new PagodaError("JOB_NOT_DOWNLOADABLE", `${refuse}: its operation ${row.operation_name} is not downloadable`)
  }
  if (!isFinal(row.status)) {
    throw new PagodaError("JOB_NOT_FINISHED", `${refuse}: it is "${row.status}", wanted one that has ended`)
  }
  const { text } = row
  if (!hasResult(row.status) || (text === null && row.parts === 0)) {
    throw new PagodaError("JOB_HAS_NO_RESULT", `${refuse}: it ended as "${row.status}" and left no result`)
  }
  const content_type = row.content_type ?? "text/plain"
  return {
    content_type: `${content_type}; charset=utf-8`,
    file_name: row.file_name ?? `${toFileName(row)}.${extensions[content_type] ?? "txt"}`,
    etag: `"${row.id}-${row.attempts}"`,
    byte_length: row.parts > 0 ? await parts.byteLength(row.id) : Buffer.byteLength(text ?? ""),
    read: () => (row.parts > 0 ? parts.read(row, row.parts) : once(text ?? "")),
  }
}

function hasResult(status: JobStatus): boolean {
  return status === "done" || status === "warning"
}

function toFileName({ operation_name, id }: JobRow): string {
  const name = operation_name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
  return `${name || "job"}-${id}`
}

async function* once(text: string): AsyncIterable<string> {
  yield text
}
