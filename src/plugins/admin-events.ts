import type { Json, Notice, Time, User } from "@pagoda/sdk"
import { asc, count, desc, eq, gt, lte, max, sql } from "drizzle-orm"
import { requireAdmin } from "../core/access/require-admin.ts"
import type { Database } from "../db/database.ts"
import { parseEventId } from "../event-id.ts"

/** What a plugin tells administrators. */
export type NoticeRecord = Notice & { id: number; plugin: string; created_at: Time }

/** Without data it only says what to come back with. */
export type AdminEvent = { id: string; event?: "repair" | "notice" | "plugin"; data?: unknown }

export type AdminEvents = {
  /** Written down and told on every replica. */
  tell(kind: "repair" | "notice", data: Json): Promise<void>
  /** Told to those who listen in this process: each replica sees its own plugins change. */
  tellHere(data: Json): void
  /** What comes from now on, or came since `lastEventId`; ends with the signal. */
  follow(options: { lastEventId?: string | undefined; signal: AbortSignal }): AsyncGenerator<AdminEvent>
  /** Newest first; admins only. @throws FORBIDDEN */
  notices(user: User, page: { limit: number; offset: number }): Promise<{ count: number; results: NoticeRecord[] }>
  /** Ends all that follow. */
  close(): void
}

const channel = "admin"
/** So many of the newest are kept. */
const kept = 10_000
const batch = 100
const mostWaiting = 1_000
/** Any number that nothing else on this database takes. */
const lock = 7_240_002

type Follower = { stale(): void; here(data: Json): void; end(): void }

export function createAdminEvents({ db, dialect, tables, signals, transaction }: Database): AdminEvents {
  const table = () => tables.admin_event
  const followers = new Set<Follower>()

  const newest = async () => {
    const [found] = await db.select({ id: max(table().id) }).from(table())
    return Number(found?.id ?? 0)
  }
  const after = (cursor: number) =>
    db.select().from(table()).where(gt(table().id, cursor)).orderBy(asc(table().id)).limit(batch)

  return {
    async tell(kind, data) {
      await transaction(async (tx) => {
        // who reads from an id on misses nothing: a smaller one is never committed later
        if (dialect === "postgres") await tx.execute(sql`select pg_advisory_xact_lock(${lock})`)
        const values = { kind, data, created_at: new Date().toISOString() }
        const [row] = await tx.insert(table()).values(values).returning({ id: table().id })
        const id = row?.id ?? 0
        await tx.delete(table()).where(lte(table().id, id - kept))
        await signals.publish(channel, String(id), tx)
      })
    },

    tellHere(data) {
      for (const follower of followers) follower.here(data)
    },

    async *follow({ lastEventId, signal }) {
      const here: Json[] = []
      let isStale = true
      let isOver = signal.aborted
      let wake = () => {}
      const follower: Follower = {
        stale() {
          isStale = true
          wake()
        },
        here(data) {
          here.push(data)
          if (here.length > mostWaiting) here.shift()
          wake()
        },
        end() {
          isOver = true
          wake()
        },
      }
      followers.add(follower)
      signal.addEventListener("abort", follower.end)
      const undo = signals.subscribe(channel, follower.stale)
      try {
        const last = await newest()
        const seen = parseEventId(lastEventId)
        let cursor = seen !== undefined && seen <= last ? seen : last
        yield { id: String(cursor) }
        while (!isOver) {
          for (const data of here.splice(0)) yield { id: String(cursor), event: "plugin", data }
          if (isStale) {
            isStale = false
            const rows = await after(cursor)
            if (rows.length === batch) isStale = true
            for (const { id, kind, data, created_at } of rows) {
              cursor = id
              yield { id: String(id), event: kind, data: kind === "notice" ? toNotice(id, data, created_at) : data }
            }
          } else if (here.length === 0) {
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
        }
      } finally {
        undo()
        signal.removeEventListener("abort", follower.end)
        followers.delete(follower)
      }
    },

    async notices(user, { limit, offset }) {
      requireAdmin(user, "see what plugins tell administrators")
      const isNotice = eq(table().kind, "notice")
      const [all] = await db.select({ count: count() }).from(table()).where(isNotice)
      const rows = await db.select().from(table()).where(isNotice).orderBy(desc(table().id)).limit(limit).offset(offset)
      return { count: all?.count ?? 0, results: rows.map(({ id, data, created_at }) => toNotice(id, data, created_at)) }
    },

    close() {
      for (const follower of followers) follower.end()
    },
  }
}

function toNotice(id: number, data: Json, created_at: Time): NoticeRecord {
  return { id, ...(data as { plugin: string } & Notice), created_at }
}
