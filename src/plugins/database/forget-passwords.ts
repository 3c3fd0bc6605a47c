import { sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { isForbidden, name, read } from "./postgres-role.ts"

/** Passwords of plugins' roles were derived from a key that is not used any more: each gets another by its next connection. */
export async function forgetPasswords({ dialect }: Database, handle: Transaction): Promise<void> {
  if (dialect === "sqlite") return
  const roles = await read<{ role: string }>(
    handle,
    sql`select r.rolname as role from pg_roles r join pg_database d on d.datname = current_database()
        where r.rolname like 'plugin\\_%' and r.rolname like '%\\_db' || d.oid`,
  )
  for (const { role } of roles) {
    try {
      await handle.transaction((nested) => nested.execute(sql.raw(`alter role ${name(role)} password null`)))
    } catch (error) {
      // who may not make roles has none that this one made
      if (!isForbidden(error)) throw error
    }
  }
}
