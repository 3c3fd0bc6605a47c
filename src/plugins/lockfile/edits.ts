import { existsSync } from "node:fs"
import { and, desc, eq, inArray, sql } from "drizzle-orm"
import { createAudit } from "../../core/audit.ts"
import type { Database, Transaction } from "../../db/database.ts"
import { toMessage } from "../../errors.ts"
import type { Log } from "../../log.ts"
import type { Lockfile } from "../lockfile.ts"
import { findChanges, type LockfileChange, toEditMark } from "./changes.ts"

/** Writes down what a running host took from the lockfile and no command had changed there. */
export type Edits = {
  add(before: Lockfile, after: Lockfile): void
  close(): Promise<void>
}

/** Nobody knows who edited it. */
const by = { id: "lockfile", username: "lockfile" }
/** Any number that nothing else on this database takes. */
const lock = 7_240_005
/** How long a command is waited for, which may have been killed while it edited, in milliseconds. */
const patience = { each: 50, most: 10_000 }
/** Between a lockfile that was read and that being noted, in milliseconds. */
const slack = 1_000
/** How many commands may follow each other while one is waited for. */
const mostSince = 20

export function createEdits({ database, file, log }: { database: Database; file: string; log: Log }): Edits {
  const { dialect, tables, transaction } = database
  const audit = createAudit(database)
  const closing = new AbortController()
  let turn: Promise<void> = Promise.resolve()
  let lastRead = Date.now()

  /** A command writes down its own changes, under its own name. */
  const commandsAreDone = async () => {
    const end = performance.now() + patience.most
    while (existsSync(toEditMark(file)) && performance.now() < end && !closing.signal.aborted)
      await Bun.sleep(patience.each)
  }

  /** By a command since the lockfile was read before, or by another host. */
  const isWritten = async (tx: Transaction, { id, changes }: LockfileChange, since: string) => {
    const ofLockfile = inArray(tables.audit.action, ["add", "update", "remove"])
    const ofPlugin = and(eq(tables.audit.object_type, "plugin"), eq(tables.audit.object_id, id), ofLockfile)
    const rows = await tx.select().from(tables.audit).where(ofPlugin).orderBy(desc(tables.audit.id)).limit(mostSince)
    return rows.some((row, at) => {
      const isSince = at === 0 || row.created_at >= since
      return isSince && Bun.deepEquals((row.changes as LockfileChange["changes"]).after, changes.after)
    })
  }

  const write = async (found: readonly LockfileChange[], since: string) => {
    await commandsAreDone()
    await transaction(async (tx) => {
      if (dialect === "postgres") await tx.execute(sql`select pg_advisory_xact_lock(${lock})`)
      for (const change of found) {
        const { action, id, changes } = change
        if (!(await isWritten(tx, change, since))) await audit.write(tx, by, action, "plugin", id, changes)
      }
    })
  }

  return {
    add(before, after) {
      const since = new Date(lastRead - slack).toISOString()
      lastRead = Date.now()
      const found = findChanges(before.plugins, after.plugins)
      if (found.length === 0) return
      turn = turn
        .then(() => write(found, since))
        .catch((error) =>
          log.error(`The audit records do not have what changed in the lockfile: ${toMessage(error)}`, { error }),
        )
    },
    async close() {
      closing.abort()
      await turn
    },
  }
}
