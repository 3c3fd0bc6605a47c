import { dirname, join } from "node:path"
import type { Config } from "../config.ts"
import type { Accounts } from "../core/accounts.ts"
import { hasPendingKey, settleKey } from "../core/key-rotation.ts"
import { checkSecretKey, deriveKey, readSecretKey } from "../core/secret-key.ts"
import { claimDataDir } from "../data-dir.ts"
import { makeDataFolder } from "../data-folder.ts"
import { type Database, openDatabase } from "../db/database.ts"
import type { Log } from "../log.ts"
import type { FetchContext } from "../plugins/fetch.ts"
import { openStore } from "../plugins/store.ts"
import { say } from "./output.ts"
import { showProgress } from "./progress.ts"

export function sqliteFile(config: Config): string {
  return join(config.dataDir, "pagoda.db")
}

/** The database, brought up to date, and what that took. */
export async function openMigrated(config: Config): Promise<{ database: Database; applied: string[] }> {
  if (config.databaseUrl === undefined) makeDataFolder(config.dataDir)
  const database = await openDatabase({ url: config.databaseUrl, file: sqliteFile(config) })
  try {
    return { database, applied: await database.migrate() }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** The database, brought up to date, for as long as `work` takes. */
export async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  const { database } = await openMigrated(config)
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

/** The accounts, for as long as `work` takes. */
export async function withAccounts<T>(config: Config, log: Log, work: (accounts: Accounts) => Promise<T>): Promise<T> {
  return withDatabase(config, async (database) => {
    const secretKey = await readKey(config)
    await checkSecretKey(database, secretKey)
    const { openAccounts } = await import("../core/accounts.ts")
    return work(openAccounts({ database, secretKey, log }))
  })
}

/** Where a replacement of the key was cut short, that is settled first. @throws DATA_DIR_IN_USE while it is under way */
async function readKey(config: Config): Promise<string> {
  if (hasPendingKey(config.dataDir)) {
    const release = claimDataDir(config.dataDir)
    try {
      const settled = await settleKey(config)
      if (settled) await say(`A replacement of the secret key was cut short: it is ${settled}.`)
    } finally {
      await release()
    }
  }
  return readSecretKey(config)
}

/** What fetching needs, for as long as `work` takes; its progress is on stderr, and `quiet` ends the line before we speak. */
export async function withFetching<T>(
  config: Config,
  work: (context: FetchContext, quiet: () => void) => Promise<T>,
): Promise<T> {
  const key = deriveKey(await readKey(config), "store")
  const store = openStore(join(config.dataDir, "store"), key)
  const progress = await showProgress()
  const { offline, vendor } = config
  const context = { store, folder: dirname(config.lockfile), offline, vendor, progress: progress.report }
  try {
    return await work(context, progress.stop)
  } finally {
    progress.stop()
  }
}
