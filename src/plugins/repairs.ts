import type { Time, User } from "@pagoda/sdk"
import { and, count, desc, eq, isNotNull, isNull, lt, sql } from "drizzle-orm"
import { requireAdmin, requireAdminWriter } from "../core/access/require-admin.ts"
import { createAudit } from "../core/audit.ts"
import type { Database } from "../db/database.ts"
import { PagodaError, toMessage } from "../errors.ts"
import type { Log } from "../log.ts"
import type { Undo } from "../undo.ts"
import type { Repair, ReportRepair } from "./database/repair.ts"
import { createSeenHere } from "./repairs/seen-here.ts"

/** What an administrator has to look at, or had to. */
export type RepairRecord = {
  id: number
  plugin: string | null
  code: string
  severity: "info" | "warning" | "error"
  message: string
  /** The command or the call that mends it. */
  mend: string
  /** How many times it was reported. */
  count: number
  since: Time
  last_seen: Time
  resolved_at: Time | null
  /** The name of who said so; `null` where it resolved itself, or is open. */
  resolved_by: string | null
}

export type RepairKey = Pick<Repair, "plugin" | "code">
export type RepairQuery = { limit: number; offset: number; resolved?: boolean | undefined }

export type Repairs = ReportRepair & {
  /** There is at most one open of a plugin and code. A failure to write it is logged, never thrown. */
  report(repair: Repair): Promise<void>
  /** Costs nothing where nothing is open. */
  resolve(key: RepairKey): Promise<void>
  /** Writes down what came until now. Until then nothing is read or written, so that a start does not wait for it. */
  begin(): Promise<void>
  /** Those that this process reported, or found when it began. */
  known(): Promise<RepairKey[]>
  /** Newest first; admins only. @throws FORBIDDEN */
  list(user: User, query: RepairQuery): Promise<{ count: number; results: RepairRecord[] }>
  /** Until it is reported again. @throws FORBIDDEN, NOT_FOUND */
  settle(user: User, id: number): Promise<RepairRecord>
  close(): Promise<void>
}

export type RepairsContext = {
  readonly database: Database
  readonly log: Log
  /** Told of what is new, what says something else, and what is resolved. */
  readonly onChange?: ((repair: RepairRecord) => Promise<void>) | undefined
  /** How long those that another process resolved have to be over in this one as well, in milliseconds. */
  readonly pause?: number
}

/** Those that are resolved are kept for so long, in milliseconds. */
const retention = 90 * 24 * 3_600_000

export function createRepairs({ database, log, onChange = async () => {}, pause }: RepairsContext): Repairs {
  const { db, tables, transaction } = database
  const repair = () => tables.repair
  const isOpen = (key: RepairKey) =>
    and(eq(repair().plugin, key.plugin), eq(repair().code, key.code), isNull(repair().resolved_at))
  /** What each says; nothing until it is read. */
  let open: Map<string, RepairKey & { message: string }> | undefined
  /** What this process said in its log. */
  const logged = new Map<string, string>()
  const began = Promise.withResolvers<void>()
  let turn: Promise<unknown> = began.promise
  let hasBegun = false
  let unfollow: Undo = () => {}

  const inTurn = async (work: (known: NonNullable<typeof open>) => Promise<void>) => {
    turn = turn.then(async () => {
      try {
        open ??= await readOpen()
        await work(open)
      } catch (error) {
        log.error(`Cannot write down what needs an administrator: ${toMessage(error)}`, { error })
      }
    })
    // whoever starts would wait for its own end
    if (hasBegun) await turn
  }

  const readOpen = async () => {
    const rows = await db.select().from(repair()).where(isNull(repair().resolved_at))
    return new Map(rows.map(({ plugin, code, message }) => [toKey({ plugin, code }), { plugin, code, message }]))
  }

  const report = (given: Repair) => {
    seen.add(given)
    return inTurn(async (known) => {
      const { plugin, code, severity, message, mend } = given
      const now = new Date().toISOString()
      const [row] = await db
        .insert(repair())
        .values({ plugin, code, severity, message, mend, since: now, last_seen: now })
        .onConflictDoUpdate({
          target: [repair().plugin, repair().code],
          targetWhere: sql`resolved_at is null`,
          set: { severity, message, mend, last_seen: now, count: sql`${repair().count} + 1` },
        })
        .returning()
      const before = known.get(toKey(given))?.message
      known.set(toKey(given), { plugin, code, message })
      // who reports an error has logged it, with all that is known of it
      if (severity !== "error" && logged.get(toKey(given)) !== message)
        log[severity === "warning" ? "warn" : "info"](message, { plugin, code, mend })
      logged.set(toKey(given), message)
      if (row && (row.count === 1 || (before ?? message) !== message)) await onChange(toRecord(row))
    })
  }
  const seen = createSeenHere({ database, log, report, pause })

  return {
    report,

    resolve: (key) => {
      seen.delete(key)
      return inTurn(async (known) => {
        if (!known.delete(toKey(key))) return
        const [row] = await db
          .update(repair())
          .set({ resolved_at: new Date().toISOString() })
          .where(isOpen(key))
          .returning()
        if (!row) return
        logged.delete(toKey(key))
        log.info(`Resolved: ${row.message}`, { plugin: key.plugin, code: key.code })
        const old = new Date(Date.now() - retention).toISOString()
        await db.delete(repair()).where(and(isNotNull(repair().resolved_at), lt(repair().resolved_at, old)))
        await seen.tellOver()
        await onChange(toRecord(row))
      })
    },

    async begin() {
      if (!hasBegun) unfollow = seen.follow()
      hasBegun = true
      began.resolve()
      await turn
    },

    async known() {
      const all: RepairKey[] = []
      await inTurn(async (known) => {
        all.push(...known.values())
      })
      await turn
      return all
    },

    async list(user, { limit, offset, resolved = false }) {
      requireAdmin(user, "see what needs an administrator")
      const which = resolved ? isNotNull(repair().resolved_at) : isNull(repair().resolved_at)
      const [all] = await db.select({ count: count() }).from(repair()).where(which)
      const rows = await db.select().from(repair()).where(which).orderBy(desc(repair().id)).limit(limit).offset(offset)
      return { count: all?.count ?? 0, results: rows.map(toRecord) }
    },

    async settle(user, id) {
      requireAdminWriter(user, "resolve what needs an administrator")
      const [row, isNew] = await transaction(async (tx) => {
        const [found] = await tx.select().from(repair()).where(eq(repair().id, id))
        if (!found) throw new PagodaError("NOT_FOUND", `There is no repair "${id}"`)
        const values = { resolved_at: new Date().toISOString(), resolved_by: user.username }
        const stillOpen = and(eq(repair().id, id), isNull(repair().resolved_at))
        const [changed] = await tx.update(repair()).set(values).where(stillOpen).returning()
        if (!changed) return [found, false] as const
        const { plugin, code, message } = changed
        await createAudit(database).write(tx, user, "resolve", "repair", id, { plugin, code, message })
        return [changed, true] as const
      })
      if (isNew) {
        seen.delete(row)
        open?.delete(toKey(row))
        logged.delete(toKey(row))
        await onChange(toRecord(row))
      }
      return toRecord(row)
    },

    async close() {
      began.resolve()
      await unfollow()
      await turn
    },
  }
}

function toKey({ plugin, code }: RepairKey): string {
  return `${plugin}\n${code}`
}

function toRecord({ plugin, ...row }: Omit<RepairRecord, "plugin"> & { plugin: string }): RepairRecord {
  return { ...row, plugin: plugin === "" ? null : plugin }
}
