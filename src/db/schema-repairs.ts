import type { Json } from "@pagoda/sdk"
import { sql } from "drizzle-orm"
import type { Kit } from "./kit.ts"

/** What needs an administrator, and what administrators are told. */
export function defineRepairTables(kit: Kit) {
  const repair = kit.table(
    "repair",
    {
      id: kit.serial(),
      /** Empty where it is of no plugin: a null would be different from every other one in the index. */
      plugin: kit.text().notNull().default(""),
      code: kit.text().notNull(),
      severity: kit.text().$type<"info" | "warning" | "error">().notNull(),
      message: kit.text().notNull(),
      mend: kit.text().notNull(),
      /** How many times it was reported. */
      count: kit.int().notNull().default(1),
      since: kit.time().notNull(),
      last_seen: kit.time().notNull(),
      resolved_at: kit.time(),
      /** The name of who said so; none where it resolved itself. */
      resolved_by: kit.text(),
    },
    (table) => [kit.uniqueIndex("repair_open").on(table.plugin, table.code).where(sql`resolved_at is null`)],
  )
  /** The newest of what administrators were told, for those who come back. */
  const admin_event = kit.table("admin_event", {
    id: kit.serial(),
    kind: kit.text().$type<"repair" | "notice">().notNull(),
    data: kit.json<Json>().notNull(),
    created_at: kit.time().notNull(),
  })
  return { repair, admin_event }
}
