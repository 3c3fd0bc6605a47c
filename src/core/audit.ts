import type { Json, Time, User } from "@pagoda/sdk"
import { count, desc } from "drizzle-orm"
import type { Database, Transaction } from "../db/database.ts"
import { requireAdmin } from "./access/require-admin.ts"

/** One change that others depend on. Secrets are never in `changes`. */
export type AuditRecord = {
  id: number
  user: { id: string; username: string }
  /** `create`, `update`, `delete`, … */
  action: string
  object_type: string
  object_id: string
  changes: Json
  created_at: Time
}

/** Writes down who changed what, in the transaction of the change. */
export type Audit = (
  handle: Transaction,
  user: Pick<User, "id" | "username">,
  action: string,
  object_type: string,
  object_id: string | number,
  changes: Json,
) => Promise<void>

export type AuditRecords = {
  write: Audit
  /** Newest first; admins only. */
  list(user: User, page: { limit: number; offset: number }): Promise<{ count: number; results: AuditRecord[] }>
}

export function createAudit({ db, tables: { audit } }: Database): AuditRecords {
  return {
    async write(handle, user, action, object_type, object_id, changes) {
      const who = { user_id: user.id, username: user.username }
      const row = { ...who, action, object_type, object_id: String(object_id), changes }
      await handle.insert(audit).values({ ...row, created_at: new Date().toISOString() })
    },

    async list(user, { limit, offset }) {
      requireAdmin(user, "see the audit records")
      const [all] = await db.select({ count: count() }).from(audit)
      const rows = await db.select().from(audit).orderBy(desc(audit.id)).limit(limit).offset(offset)
      const results = rows.map(({ user_id, username, ...row }) => ({ ...row, user: { id: user_id, username } }))
      return { count: all?.count ?? 0, results }
    },
  }
}
