import { createHmac, hkdfSync, randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { link, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { eq } from "drizzle-orm"
import { makeDataFolder } from "../data-folder.ts"
import type { Database, Transaction } from "../db/database.ts"
import { PagodaError } from "../errors.ts"

const shortest = 32
const fingerprintRow = "secret_key_fingerprint"

/** The environment's key, else the data directory's, which the first start makes. */
export async function readSecretKey(options: { dataDir: string; secretKey?: string | undefined }): Promise<string> {
  if (options.secretKey !== undefined) return options.secretKey
  makeDataFolder(options.dataDir)
  const file = secretKeyFile(options.dataDir)
  const key = readIfThere(file) ?? (await writeNewKey(file))
  if (key.length >= shortest) return key
  throw new PagodaError(
    "CONFIG_INVALID",
    `Cannot use the secret key: "${file}" has ${key.length} characters, wanted at least ${shortest}; restore it from a backup or set PAGODA_SECRET_KEY`,
  )
}

export function secretKeyFile(dataDir: string): string {
  return join(dataDir, "secret.key")
}

/** What keys are derived for: another word would be another key, and nothing kept with the old one would open. */
export type KeyPurpose = "store" | "sessions" | "fingerprint" | "plugin-settings" | "plugin-database"

/** A key for one purpose: whoever learns it learns no other. */
export function deriveKey(secretKey: string, purpose: KeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secretKey, "", `pagoda:${purpose}`, 32))
}

/** A database made with another key holds settings that cannot be decrypted and sessions that do not verify. */
export async function checkSecretKey({ db, tables: { meta } }: Database, secretKey: string): Promise<void> {
  const fingerprint = toFingerprint(secretKey)
  const read = () => db.select().from(meta).where(eq(meta.key, fingerprintRow))
  let [stored] = await read()
  if (!stored) {
    await db.insert(meta).values({ key: fingerprintRow, value: fingerprint }).onConflictDoNothing()
    ;[stored] = await read()
  }
  if (stored?.value === fingerprint) return
  throw new PagodaError(
    "SECRET_KEY_MISMATCH",
    'Cannot start: the secret key is not the one that the database was made with; set PAGODA_SECRET_KEY to that one, or restore "secret.key" in the data directory; where "pagoda doctor --rotate-key" made a new one, that is in "secret.key" of its data directory',
  )
}

/** Whether the database was made with this key, or brought over to it. */
export async function hasSecretKey({ db, tables: { meta } }: Database, secretKey: string): Promise<boolean> {
  const [stored] = await db.select().from(meta).where(eq(meta.key, fingerprintRow))
  return stored?.value === toFingerprint(secretKey)
}

/** From the commit on the database takes this key, and no other. */
export async function replaceSecretKey(handle: Transaction, { tables: { meta } }: Database, secretKey: string) {
  await handle
    .update(meta)
    .set({ value: toFingerprint(secretKey) })
    .where(eq(meta.key, fingerprintRow))
}

function toFingerprint(secretKey: string): string {
  return createHmac("sha256", deriveKey(secretKey, "fingerprint")).update("pagoda").digest("base64url")
}

export function makeSecretKey(): string {
  return randomBytes(32).toString("base64url")
}

/** Blocking: the first thread of a pool takes longer than this file. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw new PagodaError("CONFIG_INVALID", `Cannot read the secret key "${file}": ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** `link` takes the name only where it is free, and with the whole content: of two processes one wins and both read it. */
async function writeNewKey(file: string): Promise<string> {
  const draft = `${file}.${randomBytes(6).toString("hex")}`
  await writeFile(draft, `${makeSecretKey()}\n`, { mode: 0o600, flag: "wx" })
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
  } finally {
    await rm(draft, { force: true })
  }
  return (await readFile(file, "utf8")).trim()
}
