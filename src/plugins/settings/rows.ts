import type { User } from "@pagoda/sdk"
import { and, eq } from "drizzle-orm"
import { createAudit } from "../../core/audit.ts"
import type { Database, Transaction } from "../../db/database.ts"
import type { Changes } from "./changes.ts"
import type { Cipher } from "./cipher.ts"
import type { Declared } from "./schema.ts"
import { decode, type StoredSetting } from "./values.ts"

/** Told with a plugin's id when its settings have changed. */
export const settingsChannel = "plugin-settings"

export function readRows({ db, tables }: Database, id: string, handle: Pick<Transaction, "select"> = db) {
  const { plugin, key, value, encrypted } = tables.plugin_setting
  return handle.select({ key, value, encrypted }).from(tables.plugin_setting).where(eq(plugin, id))
}

export type RowChange = { id: string; declared: Declared; changes: Changes; user: User }

/** All of it or nothing; equal values write nothing. */
export async function writeRows(database: Database, cipher: Cipher, change: RowChange): Promise<void> {
  const { id, declared, changes, user } = change
  const { installed_plugin } = database.tables
  await database.transaction(async (tx) => {
    const rows = new Map((await readRows(database, id, tx)).map((row) => [row.key, row]))
    const different = [...changes].filter(([key, value]) => {
      const row = rows.get(key)
      if (!row || value === undefined) return (row === undefined) !== (value === undefined)
      const isSecret = declared.get(key)?.isSecret ?? false
      return row.encrypted !== isSecret || !Bun.deepEquals(decode(id, row, cipher), value)
    })
    if (different.length === 0) return
    // the first start of a plugin writes this row when it has initialized, and settings may be set before
    await tx.insert(installed_plugin).values({ plugin_id: id, name: id, version: "" }).onConflictDoNothing()
    for (const [key, value] of different) {
      if (value === undefined) await deleteRow(tx, database, id, key)
      else {
        const encrypted = declared.get(key)?.isSecret ?? false
        await putRow(tx, database, id, { key, value: encrypted ? cipher.encrypt(id, key, value) : value, encrypted })
      }
    }
    const keys = different.map(([key]) => key)
    await createAudit(database).write(tx, user, "update", "plugin_setting", id, { keys })
    await database.signals.publish(settingsChannel, id, tx)
  })
}

/** What became secret in a newer version of the plugin. A change that came in between stays. */
export async function encryptRows(
  database: Database,
  cipher: Cipher,
  id: string,
  keys: readonly string[],
): Promise<void> {
  await database.transaction(async (tx) => {
    for (const row of await readRows(database, id, tx)) {
      if (row.encrypted || row.value === null || !keys.includes(row.key)) continue
      const value = cipher.encrypt(id, row.key, row.value)
      await putRow(tx, database, id, { key: row.key, value, encrypted: true })
    }
  })
}

async function putRow(tx: Transaction, { tables }: Database, id: string, row: StoredSetting): Promise<void> {
  const { plugin_setting } = tables
  const { value, encrypted } = row
  await tx
    .insert(plugin_setting)
    .values({ plugin: id, ...row })
    .onConflictDoUpdate({ target: [plugin_setting.plugin, plugin_setting.key], set: { value, encrypted } })
}

async function deleteRow(tx: Transaction, { tables }: Database, id: string, key: string): Promise<void> {
  const { plugin_setting } = tables
  await tx.delete(plugin_setting).where(and(eq(plugin_setting.plugin, id), eq(plugin_setting.key, key)))
}
