import { and, eq } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { createCipher } from "./cipher.ts"

/** Encrypts every secret anew; gives how many. What the old key does not decrypt stays as it is: a repair names it. */
export async function rotateSettings(
  handle: Transaction,
  { tables: { plugin_setting } }: Database,
  keys: { from: Uint8Array; to: Uint8Array },
): Promise<number> {
  const [from, to] = [createCipher(keys.from), createCipher(keys.to)]
  const rows = await handle.select().from(plugin_setting).where(eq(plugin_setting.encrypted, true))
  let rotated = 0
  for (const { plugin, key, value } of rows) {
    const plain = from.decrypt(plugin, key, value)
    if (plain === undefined) continue
    await handle
      .update(plugin_setting)
      .set({ value: to.encrypt(plugin, key, plain) })
      .where(and(eq(plugin_setting.plugin, plugin), eq(plugin_setting.key, key)))
    rotated++
  }
  return rotated
}
