import { existsSync } from "node:fs"
import type { Json } from "@pagoda/sdk"
import type { Config } from "../config.ts"
import { type Database, openDatabase } from "../db/database.ts"
import { toMessage } from "../errors.ts"
import type { LockedPlugin, Lockfile } from "../plugins/lockfile.ts"
import { editLockfile } from "./edit.ts"
import { sqliteFile } from "./open.ts"
import { say } from "./output.ts"
import { caller } from "./running-host.ts"

type Plugins = Lockfile["plugins"]
type Change = { action: "add" | "update" | "remove"; id: string; changes: Json }

/** Changes the lockfile, and writes down who did. Where no host ever ran there is no database to write it to. */
export async function editAudited(config: Config, change: (plugins: Plugins) => void): Promise<void> {
  let found: Change[] = []
  await editLockfile(config.lockfile, (plugins) => {
    const before = { ...plugins }
    change(plugins)
    found = findChanges(before, plugins)
  })
  if (found.length === 0 || (config.databaseUrl === undefined && !existsSync(sqliteFile(config)))) return
  try {
    await write(config, found)
  } catch (error) {
    // the lockfile is written already
    await say(`The audit records do not have it: ${toMessage(error)}`)
  }
}

async function write(config: Config, found: readonly Change[]): Promise<void> {
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

function findChanges(before: Plugins, after: Plugins): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((id): Change[] => {
    const [old, next] = [before[id], after[id]]
    if (Bun.deepEquals(old, next)) return []
    const action = old === undefined ? "add" : next === undefined ? "remove" : "update"
    return [{ action, id, changes: { before: toTold(old), after: toTold(next) } }]
  })
}

/** What it is and what it may do, without the hashes of all that it is made of. */
function toTold(locked: LockedPlugin | undefined): Json {
  if (!locked) return null
  const { source, version = null, integrity = null, permissions = [], isolation = "in-process" } = locked
  return { source, version, integrity, permissions, isolation }
}
