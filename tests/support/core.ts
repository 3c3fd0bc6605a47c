import type { User } from "@pagoda/sdk"
import { type Core, openCore } from "../../src/core/core.ts"
import type { Database } from "../../src/db/database.ts"
import { createLog } from "../../src/log.ts"
import { openTestAccounts } from "./accounts.ts"
import type { Dialect, OpenTestDatabase } from "./database.ts"

export const rootUser: User = {
  id: "root",
  username: "root",
  email: null,
  is_admin: true,
  is_readonly: false,
  is_active: true,
}

export type TestCore = Core & {
  readonly database: Database
  readonly lines: string[]
  /** A user without a login. */
  person(name: string, flags?: Partial<User>): User
  /** A role of these users, with these levels on objects such as `entity 1`. */
  grant(users: readonly User[], levels: Record<string, "readable" | "writable" | "full">): Promise<void>
}

/** Everything that users define and keep, on a migrated database, without a host. */
export function openTestCore(database: Database): TestCore {
  const { accounts } = openTestAccounts(database)
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const core = openCore({ database, accounts, log })
  const { db, tables } = database
  return {
    ...core,
    database,
    lines,
    person: (name, flags = {}) => ({ ...rootUser, id: name, username: name, is_admin: false, ...flags }),
    async grant(users, levels) {
      const [role] = await db
        .insert(tables.role)
        .values({ name: crypto.randomUUID() })
        .returning({ id: tables.role.id })
      const role_id = (role as { id: number }).id
      await db
        .insert(tables.role_member)
        .values(users.map(({ id }) => ({ role_id, member_type: "user" as const, member_id: id, is_admin: false })))
      for (const [object, level] of Object.entries(levels)) {
        const [object_type, object_id] = object.split(" ") as ["entity" | "attribute" | "entry", string]
        await db.insert(tables.acl).values({ object_type, object_id: Number(object_id), role_id, level })
      }
    },
  }
}

/** As two replicas have it. SQLite's writers wait for each other without letting others run: there they share a handle. */
export async function openTestCores(dialect: Dialect, open: OpenTestDatabase): Promise<[TestCore, TestCore]> {
  const place = await open.place()
  const database = await open({ place })
  return [openTestCore(database), openTestCore(dialect === "sqlite" ? database : await open({ place }))]
}
