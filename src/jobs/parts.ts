import { and, asc, eq, gte, sql } from "drizzle-orm"
import type { Database, Transaction } from "../db/database.ts"
import { PagodaError } from "../errors.ts"
import { toStorable } from "./text.ts"

/** Whose result it is: a try that is over writes no more. */
export type Try = { id: number; attempts: number }

/** A result as it grows. */
export type PartWriter = {
  /** Waits until what came before is stored. @throws JOB_OVER, RESULT_TOO_LARGE */
  write(text: string): Promise<void>
  /** Stores the rest; gives the number of parts. */
  end(): Promise<number>
}

export type PartLimit = { bytes: number; name: string }

/** UTF-16 code units: for most texts that many bytes. */
const partLength = 256 * 1024
const readAtOnce = 8

/** Results that are too large for a row. They count once the job's row says how many parts there are. */
export type Parts = ReturnType<typeof createParts>

export function createParts({ db, dialect, transaction, tables: { job, job_part } }: Database) {
  /** Until the transaction ends the try goes on: another one cannot begin, and find its parts mixed with these. */
  const hold = async (handle: Transaction, { id, attempts }: Try) => {
    const mine = and(eq(job.id, id), eq(job.attempts, attempts), eq(job.status, "processing"))
    const held = handle.select({ id: job.id }).from(job).where(mine)
    const [row] = await (dialect === "postgres" ? held.for("share") : held)
    if (!row) throw new PagodaError("JOB_OVER", `Cannot keep the result of job ${id}: its try ${attempts} is over`)
  }

  return {
    writer(owner: Try, limit: PartLimit): PartWriter {
      let waiting = ""
      let bytes = 0
      let count = 0

      const store = async (content: string) => {
        await transaction(async (handle) => {
          await hold(handle, owner)
          // of a try that was killed
          if (count === 0) await handle.delete(job_part).where(eq(job_part.job_id, owner.id))
          await handle.insert(job_part).values({ job_id: owner.id, index: count, content: toStorable(content) })
        })
        count++
      }
      return {
        async write(text) {
          bytes += Buffer.byteLength(text)
          if (bytes > limit.bytes) throw tooLarge(owner.id, limit)
          waiting += text
          while (waiting.length > partLength) {
            const end = endOfPart(waiting)
            const content = waiting.slice(0, end)
            waiting = waiting.slice(end)
            await store(content)
          }
        },
        async end() {
          if (waiting !== "") await store(waiting)
          waiting = ""
          return count
        },
      }
    },

    /** @throws when it is not all there any more, so that nobody takes a half for the whole, or two halves for one */
    async *read({ id, attempts }: Try, count: number): AsyncIterable<string> {
      // before the next try writes a part of its own its number is in the row
      const isSame = and(eq(job.id, job_part.job_id), eq(job.attempts, attempts))
      for (let next = 0; next < count; next += readAtOnce) {
        const rows = await db
          .select({ content: job_part.content })
          .from(job_part)
          .innerJoin(job, isSame)
          .where(and(eq(job_part.job_id, id), gte(job_part.index, next)))
          .orderBy(asc(job_part.index))
          .limit(Math.min(readAtOnce, count - next))
        if (rows.length < Math.min(readAtOnce, count - next)) {
          throw new PagodaError("CONFLICT", `The result of job ${id} went away while it was read: it runs again`)
        }
        for (const { content } of rows) yield content
      }
    },

    async byteLength(id: number): Promise<number> {
      const [all] = await db
        .select({ bytes: sql<number>`coalesce(sum(octet_length(${job_part.content})), 0)` })
        .from(job_part)
        .where(eq(job_part.job_id, id))
      return Number(all?.bytes ?? 0)
    },

    async remove(handle: Transaction, id: number): Promise<void> {
      await handle.delete(job_part).where(eq(job_part.job_id, id))
    },
  }
}

/** Both halves of a surrogate pair belong to one part: each is UTF-8 by itself. */
function endOfPart(text: string): number {
  const last = text.charCodeAt(partLength - 1)
  return last >= 0xd800 && last <= 0xdbff ? partLength - 1 : partLength
}

function tooLarge(id: number, { bytes, name }: PartLimit): PagodaError {
  const most = `${Math.round(bytes / 1024 / 1024)} MiB`
  return new PagodaError("RESULT_TOO_LARGE", `Cannot keep the ${name} of job ${id}: it is larger than ${most}`)
}
