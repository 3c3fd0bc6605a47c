import type { Json } from "@pagoda/sdk"
import { and, asc, count, eq, lt } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import type { Log, LogLevel } from "../log.ts"
import type { Try } from "./parts.ts"
import { toLine, toReason } from "./text.ts"

export type JobLogLine = {
  /** The try that said it, counted from 1. */
  attempt: number
  level: LogLevel
  message: string
  fields: Record<string, Json>
  created_at: string
}

/** What one try says. */
export type JobLog = {
  /** Never throws and never waits. What is said after `close` is dropped. */
  write(level: LogLevel, message: string, fields?: Record<string, Json>): void
  close(): Promise<void>
}

const mostLines = 1_000
/** UTF-16 code units of a message, or of its fields as JSON. */
const longestLine = 10_000
/** A try that finds less room than this takes that of the tries before it. */
const leastRoom = mostLines / 2
/** Milliseconds. */
const writeInterval = 250

export type Logs = ReturnType<typeof createLogs>

export function createLogs({ db, tables: { job_log } }: Database, log: Log) {
  const ofJob = (id: number) => eq(job_log.job_id, id)
  const countOf = async (id: number) => {
    const [found] = await db.select({ count: count() }).from(job_log).where(ofJob(id))
    return Number(found?.count ?? 0)
  }
  const makeRoom = async ({ id, attempts }: Try) => {
    const kept = await countOf(id)
    if (mostLines - kept >= leastRoom) return mostLines - kept
    await db.delete(job_log).where(and(ofJob(id), lt(job_log.attempt, attempts)))
    return mostLines - (await countOf(id))
  }

  return {
    of(owner: Try): JobLog {
      const waiting: JobLogLine[] = []
      let said = 0
      let room: number | undefined
      let timer: ReturnType<typeof setTimeout> | undefined
      let writing = Promise.resolve()
      let closed = false

      const store = async () => {
        const lines = waiting.splice(0)
        if (lines.length === 0) return
        try {
          room ??= await makeRoom(owner)
          if (room < 1) return
          const fitting = lines.slice(0, room - 1)
          room -= fitting.length
          if (fitting.length < lines.length) {
            fitting.push(toLastLine(owner))
            room = 0
          }
          await db.insert(job_log).values(fitting.map((line) => ({ ...line, job_id: owner.id })))
        } catch (error) {
          log.error(`${lines.length} lines of the log of job ${owner.id} are not kept`, { error })
        }
      }
      const flush = () => {
        timer = undefined
        writing = writing.then(store)
      }
      return {
        write(level, message, fields = {}) {
          if (closed || said > mostLines) return
          said++
          waiting.push({ attempt: owner.attempts, level, ...toShort(message, fields), created_at: now() })
          timer ??= setTimeout(flush, writeInterval)
        },
        async close() {
          closed = true
          clearTimeout(timer)
          flush()
          await writing
        },
      }
    },

    async list(id: number, limit: number, offset: number): Promise<{ count: number; results: JobLogLine[] }> {
      const { attempt, level, message, fields, created_at } = job_log
      const results = await db
        .select({ attempt, level, message, fields, created_at })
        .from(job_log)
        .where(ofJob(id))
        .orderBy(asc(job_log.id))
        .limit(limit)
        .offset(offset)
      return { count: await countOf(id), results }
    },
  }
}

function toLastLine({ attempts }: Try): JobLogLine {
  const message = `There were more lines: ${mostLines} of a job are kept`
  return { attempt: attempts, level: "warn", message, fields: {}, created_at: now() }
}

/** Copies: a plugin may go on changing what it gave. */
function toShort(message: unknown, fields: unknown): Pick<JobLogLine, "message" | "fields"> {
  const json = toJson(fields)
  if (json.length <= longestLine) return { message: toLine(message), fields: JSON.parse(json) }
  return { message: toLine(message), fields: { cut: toLine(json) } }
}

/** What foreign code gives may be no JSON. */
function toJson(fields: unknown): string {
  try {
    return JSON.stringify(fields) ?? "{}"
  } catch (error) {
    return JSON.stringify({ unreadable: toReason(error) })
  }
}

function now(): string {
  return new Date().toISOString()
}
