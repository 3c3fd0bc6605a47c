import { and, eq, isNull, lt, or } from "drizzle-orm"
import type { Database, Transaction } from "../db/database.ts"
import type { RunContext } from "../jobs/operations.ts"
import type { ImportState } from "./import-state.ts"
import { createPause } from "./pause.ts"
import { readUtf8 } from "./read-utf8.ts"

type Handle = Pick<Transaction, "update">
type End = { is_finished?: boolean; interruptions?: number }
type JobTry = Pick<RunContext["job"], "id" | "attempts">
/** `read`: how many of its code units were read. */
type ImportSource = { readonly read: number; pieces(): AsyncIterable<string> }
type Begun = { readonly state: ImportState; readonly isOver: boolean }

/** Another process goes on with it. */
export class ImportLost extends Error {
  override name = "ImportLost"
}

/** An upload that has no job after this long will never have one. */
const abandoned = 24 * 60 * 60 * 1000

/** Files that are to be imported: kept as long as their jobs are, so that a killed or repeated one finds its file. */
export type Imports = ReturnType<typeof createImports>

export function createImports({ db, tables }: Database) {
  const { job, job_import: table, job_import_part: part } = tables
  const columns = {
    id: table.id,
    attempt: table.attempt,
    size: table.size,
    position: table.position,
    created: table.created,
    updated: table.updated,
    unchanged: table.unchanged,
    failed: table.failed,
    errors: table.errors,
  }
  const nothing = { position: 0, created: 0, updated: 0, unchanged: 0, failed: 0, errors: [], is_finished: false }

  const remove = (id: number) => db.delete(table).where(eq(table.id, id))

  return {
    /** Gives its id; a file that is not here in the end leaves nothing. @throws BODY_TOO_LARGE, VALIDATION_FAILED */
    async receive(body: ReadableStream<Uint8Array>): Promise<number> {
      const old = new Date(Date.now() - abandoned).toISOString()
      await db.delete(table).where(and(isNull(table.job_id), lt(table.created_at, old)))
      const [made] = await db.insert(table).values({ errors: [] }).returning({ id: table.id })
      const { id } = made as { id: number }
      try {
        let index = 0
        let size = 0
        for await (const content of readUtf8(body)) {
          await db.insert(part).values({ import_id: id, index: index++, content })
          size += content.length
        }
        await db.update(table).set({ size }).where(eq(table.id, id))
        return id
      } catch (error) {
        await remove(id)
        throw error
      }
    },

    /** It is kept as long as the job is. */
    async assign(id: number, jobId: number): Promise<void> {
      await db.update(table).set({ job_id: jobId }).where(eq(table.id, id))
    },

    /**
     * From now on the import is this try's. One that came to its end begins anew, unless its process died before it could
     * say so: then it is `isOver`.
     */
    async begin(id: number, { id: jobId, attempts: attempt }: JobTry): Promise<Begun | undefined> {
      const isMine = or(isNull(table.job_id), eq(table.job_id, jobId))
      const [row] = await db
        .update(table)
        .set({ attempt, job_id: jobId })
        .where(and(eq(table.id, id), isMine, lt(table.attempt, attempt)))
        .returning()
      if (!row) return undefined
      const isOver = row.is_finished && row.interruptions < (await interruptionsOf(jobId))
      if (!row.is_finished || isOver) return { state: row, isOver }
      const [anew] = await db.update(table).set(nothing).where(eq(table.id, row.id)).returning(columns)
      return anew && { state: anew, isOver: false }
    },

    open(id: number): ImportSource {
      let read = 0
      return {
        get read() {
          return read
        },
        async *pieces() {
          // there may be no row in many of them
          const pause = createPause()
          for (let index = 0; ; index++) {
            await pause()
            const [found] = await db
              .select({ content: part.content })
              .from(part)
              .where(and(eq(part.import_id, id), eq(part.index, index)))
            if (!found) return
            read += found.content.length
            yield found.content
          }
        },
      }
    },

    save,

    /** @throws ImportLost */
    async finish(jobId: number, state: ImportState): Promise<void> {
      const interruptions = await interruptionsOf(jobId)
      await save(db, state, { is_finished: true, interruptions })
    },
  }

  /** @throws ImportLost */
  async function save(handle: Handle, state: ImportState, end: End = {}): Promise<void> {
    const { id, attempt, position, created, updated, unchanged, failed, errors } = state
    const done = await handle
      .update(table)
      .set({ position, created, updated, unchanged, failed, errors: [...errors], ...end })
      .where(and(eq(table.id, id), eq(table.attempt, attempt)))
      .returning({ id: table.id })
    if (done.length === 0) throw new ImportLost("another process goes on with the import")
  }

  async function interruptionsOf(jobId: number): Promise<number> {
    const [row] = await db.select({ interruptions: job.interruptions }).from(job).where(eq(job.id, jobId))
    return row?.interruptions ?? 0
  }
}
