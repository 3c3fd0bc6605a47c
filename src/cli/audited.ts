import { existsSync } from "node:fs"
import type { Config } from "../config.ts"
import { type Database, openDatabase } from "../db/database.ts"
import { toMessage } from "../errors.ts"
import { findChanges, type LockfileChange } from "../plugins/lockfile/changes.ts"
import type { Lockfile } from "../plugins/lockfile.ts"
import { editLockfile } from "./edit.ts"
import { sqliteFile } from "./open.ts"
import { say } from "./output.ts"
import { caller } from "./running-host.ts"

type Plugins = Lockfile["plugins"]

/** Changes the lockfile, and writes down who did. Where no host ever ran there is no database to write it to. */
export async function editAudited(config: Config, change: (plugins: Plugins) => void): Promise<void> {
  let found: LockfileChange[] = []
  const edit = (plugins: Plugins) => {
    const before = { ...plugins }
    change(plugins)
    found = findChanges(before, plugins)
  }
  // in one turn: a host that watches the lockfile would write it down as well
  await editLockfile(config.lockfile, edit, () => tellAudit(config, found))
}

async function tellAudit(config: Config, found: readonly LockfileChange[]): Promise<void> {
  if (found.length === 0 || (config.databaseUrl === undefined && !existsSync(sqliteFile(config)))) return
  try {
    await write(config, found)
  } catch (error) {
    // the lockfile is written already
    await say(`The audit records do not have it: ${toMessage(error)}`)
  }
}

async function write(config: Config, found: readonly LockfileChange[]): Promise<void> {
  const { createAudit } = await import("../core/audit.ts")
  const database = await openDatabase({ url: config.databaseUrl, file: sqliteFile(config) })
  try {
    if (!(await hasAudit(database))) return
    const audit = createAudit(database)
    await database.transaction(async (tx) => {
      for (const { action, id, changes } of found) await audit.write(tx, caller(), action, "plugin", id, changes)
    })
  } finally {
    await database.close()
  }
}

/** No host has made its tables yet. */
async function hasAudit({ db, dialect }: Database): Promise<boolean> {
  const { sql } = await import("drizzle-orm")
  const catalog =
    dialect === "postgres"
      ? sql`(select to_regclass('audit')::text as name) as found`
      : sql`(select name from sqlite_master where type = 'table' and name = 'audit') as found`
  const [found] = await db.select({ name: sql<string | null>`name` }).from(catalog)
  return Boolean(found?.name)
}
