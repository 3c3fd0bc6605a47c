import { getTableColumns, sql } from "drizzle-orm"
import type { Database, Transaction } from "../db/database.ts"
import type { Undo } from "../undo.ts"
import type { JobRow } from "./records.ts"

/** That a row was written: enough to know whether somebody wants to look at it. */
export type JobChange = { id: number; revision: number; user_id: string; hidden: boolean }

const channel = "jobs"

/** Every write of a `job` row takes the next revision and is told to all processes once it is committed. */
export type Revisions = ReturnType<typeof createRevisions>

export function createRevisions({ dialect, signals, tables: { job } }: Database) {
  const payload = sql`${job.id} || ' ' || ${job.revision} || ' ' || ${job.hidden} || ' ' || ${job.user_id}`
  const told = signals.inStatement(channel, payload)
  const writers = new Set<(row: JobRow) => void>()
  const isPostgres = dialect === "postgres"
  return {
    next: isPostgres ? sql`nextval('job_revision_seq')` : sql`(select coalesce(max(revision), 0) + 1 from job)`,
    /** For a write of many rows: each has its own, though SQLite computes the newest one once a statement. */
    nextOfMany: isPostgres ? sql`nextval('job_revision_seq')` : sql`(select max(revision) from job) + ${job.id}`,
    /** For the RETURNING of the write. */
    returning: { ...getTableColumns(job), ...(told && { told }) },
    /** After the write. */
    async publish(row: JobRow, handle?: Transaction): Promise<void> {
      const { id, revision, hidden, user_id } = row
      if (!handle) for (const wrote of writers) wrote(row)
      if (!told) await signals.publish(channel, `${id} ${revision} ${hidden} ${user_id}`, handle)
    },
    /** Told each row that this process wrote, but for those of a transaction. */
    onWrite(listener: (row: JobRow) => void): Undo {
      writers.add(listener)
      return () => void writers.delete(listener)
    },
    /** `null`: some may have been missed. */
    subscribe(listener: (change: JobChange | null) => void): Undo {
      return signals.subscribe(channel, (text) => listener(text === null ? null : parseChange(text)))
    },
  }
}

function parseChange(text: string): JobChange {
  const [id, revision, hidden, ...user_id] = text.split(" ")
  return { id: Number(id), revision: Number(revision), hidden: hidden === "true", user_id: user_id.join(" ") }
}
