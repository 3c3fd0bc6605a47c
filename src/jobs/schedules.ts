import type { Json, User } from "@pagoda/sdk"
import { and, asc, eq, inArray, isNull, sql } from "drizzle-orm"
import type { Database, Transaction } from "../db/database.ts"
import type { Undo } from "../undo.ts"
import { toNextRun } from "./cron.ts"

export type Schedule = Database["tables"]["job_schedule"]["$inferSelect"]
export type NewSchedule = Pick<Schedule, "operation" | "cron" | "params" | "plugin"> & {
  user: Pick<User, "id" | "username">
}

/** The schedules with the time of the database, that all processes go by. */
export type Agenda = { now: Date; schedules: Schedule[] }

const channel = "job_schedules"

/** When which operations run. An operation has one schedule for the same params. */
export type Schedules = ReturnType<typeof createSchedules>

export function createSchedules({ db, dialect, signals, transaction, tables: { job_schedule: table } }: Database) {
  const milliseconds =
    dialect === "postgres"
      ? sql<number>`(extract(epoch from now()) * 1000)::float8`
      : sql<number>`unixepoch('subsec') * 1000`
  const one = ({ operation, params_digest }: Pick<Schedule, "operation" | "params_digest">) =>
    and(eq(table.operation, operation), eq(table.params_digest, params_digest))

  const readNow = async () => {
    const [row] = await db.select({ now: milliseconds }).from(sql`(select 1) as one`)
    return new Date(Number(row?.now))
  }

  return {
    /** What is there already keeps its time: one that was missed is still due. */
    async set({ operation, cron, params, plugin, user }: NewSchedule): Promise<void> {
      const key = { operation, params_digest: toDigest(params) }
      const values = { cron, plugin, user_id: user.id, username: user.username }
      const [known] = await db.select().from(table).where(one(key))
      const isSame = known?.cron === cron && known.plugin === plugin && known.user_id === user.id
      if (isSame) return
      const next_at = toNextRun(cron, await readNow()).toISOString()
      const kept = sql`case when ${table.cron} = ${cron} then ${table.next_at} else excluded.next_at end`
      await db
        .insert(table)
        .values({ ...key, ...values, params, next_at })
        .onConflictDoUpdate({ target: [table.operation, table.params_digest], set: { ...values, next_at: kept } })
      await signals.publish(channel, String(operation))
    },

    async remove({ operation, plugin, params }: Pick<NewSchedule, "operation" | "plugin" | "params">): Promise<void> {
      const mine = plugin === null ? isNull(table.plugin) : eq(table.plugin, plugin)
      await db.delete(table).where(and(one({ operation, params_digest: toDigest(params) }), mine))
    },

    async agenda(operations: number[]): Promise<Agenda> {
      const schedules = await db
        .select()
        .from(table)
        .where(inArray(table.operation, operations))
        .orderBy(asc(table.next_at))
      return { now: await readNow(), schedules }
    },

    /** Does the work for the first process that takes what is due; `false`: another one did. */
    async take(schedule: Schedule, next: Date, work: (handle: Transaction) => Promise<unknown>): Promise<boolean> {
      return transaction(async (handle) => {
        const [taken] = await handle
          .update(table)
          .set({ next_at: next.toISOString() })
          .where(and(one(schedule), eq(table.next_at, schedule.next_at)))
          .returning({ operation: table.operation })
        if (taken) await work(handle)
        return taken !== undefined
      })
    },

    /** Told when one is made or changed, in any process. */
    subscribe(listener: () => void): Undo {
      return signals.subscribe(channel, listener)
    },
  }
}

function toDigest(params: Json): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(toSorted(params))).digest("hex")
}

/** The order of an object's members says nothing. */
function toSorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(toSorted)
  if (typeof value !== "object" || value === null) return value
  const members = Object.keys(value).sort()
  return { members: members.map((key) => [key, toSorted(value[key] as Json)]) }
}
