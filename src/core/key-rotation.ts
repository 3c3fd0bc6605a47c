import { existsSync } from "node:fs"
import { open, readFile, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { type Database, openDatabase } from "../db/database.ts"
import type { Log } from "../log.ts"
import { hasSecretKey, makeSecretKey, secretKeyFile } from "./secret-key.ts"

/** What became of a rotation that was cut short: the new key is the right one, or the old one still is. */
export type Settled = "finished" | "taken back"

type Place = { dataDir: string; databaseUrl?: string | undefined }

/** The new key until the database has taken it: whatever happens, one of the two files has the right one. */
function pendingFile(dataDir: string): string {
  return `${secretKeyFile(dataDir)}.next`
}

export function hasPendingKey(dataDir: string): boolean {
  return existsSync(pendingFile(dataDir))
}

export async function writePendingKey(dataDir: string): Promise<string> {
  const key = makeSecretKey()
  const file = pendingFile(dataDir)
  const draft = `${file}.draft`
  const handle = await open(draft, "w", 0o600)
  try {
    await handle.writeFile(`${key}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
  await syncFolder(file)
  return key
}

/** The new key takes the place of the old one. */
export async function adoptPendingKey(dataDir: string): Promise<void> {
  const file = secretKeyFile(dataDir)
  await rename(pendingFile(dataDir), file)
  await syncFolder(file)
}

/** Where a rotation was cut short the database says which key is the right one. The caller has claimed the data directory. */
export async function settleKey({ dataDir, databaseUrl }: Place, log?: Log): Promise<Settled | undefined> {
  if (!hasPendingKey(dataDir)) return undefined
  const database = await openDatabase({ url: databaseUrl, file: join(dataDir, "pagoda.db") })
  try {
    await database.migrate()
    const settled = await settle(dataDir, database)
    log?.warn(`A replacement of the secret key was cut short: it is ${settled}`)
    return settled
  } finally {
    await database.close()
  }
}

async function settle(dataDir: string, database: Database): Promise<Settled> {
  const key = (await readFile(pendingFile(dataDir), "utf8")).trim()
  if (await hasSecretKey(database, key)) {
    await adoptPendingKey(dataDir)
    return "finished"
  }
  await rm(pendingFile(dataDir), { force: true })
  return "taken back"
}

async function syncFolder(file: string): Promise<void> {
  const folder = await open(dirname(file), "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
