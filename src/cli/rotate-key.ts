import { existsSync } from "node:fs"
import { join } from "node:path"
import { sql } from "drizzle-orm"
import type { Config } from "../config.ts"
import { createAudit } from "../core/audit.ts"
import { adoptPendingKey, settleKey, writePendingKey } from "../core/key-rotation.ts"
import {
  checkSecretKey,
  deriveKey,
  type KeyPurpose,
  readSecretKey,
  replaceSecretKey,
  secretKeyFile,
} from "../core/secret-key.ts"
import { claimDataDir } from "../data-dir.ts"
import type { Database } from "../db/database.ts"
import { PagodaError, toPagodaError } from "../errors.ts"
import { forgetPasswords } from "../plugins/database/forget-passwords.ts"
import { rotateSettings } from "../plugins/settings/rotate.ts"
import { resealStore } from "../plugins/store/reseal.ts"
import type { Call } from "./command.ts"
import { sqliteFile, withDatabase } from "./open.ts"
import { print } from "./output.ts"
import { caller } from "./running-host.ts"

/**
 * Replaces the secret key by a new one. The commit of one transaction decides which of the two is the right one; whoever
 * is killed before or after it is helped by `settlePendingKey` at the next start.
 */
export async function rotateKey({ config, log }: Call): Promise<undefined> {
  const { dataDir } = config
  refuseNothing(config)
  const release = claim(dataDir)
  try {
    await settleKey(config, log)
    const old = await readSecretKey(config)
    const step = (name: string) => log.debug(`Step "${name}"`, { command: "doctor --rotate-key" })
    const done = await withDatabase(config, async (database) => {
      await checkSecretKey(database, old)
      await refuseHosts(database)
      step("key")
      const next = await writePendingKey(dataDir)
      const keysFor = (purpose: KeyPurpose) => ({ from: deriveKey(old, purpose), to: deriveKey(next, purpose) })
      step("store")
      const sources = await resealStore(join(dataDir, "store"), keysFor("store"))
      step("database")
      const secrets = await database.transaction((tx) => changeKey(tx, database, next, keysFor("plugin-settings")))
      return { sources, secrets }
    })
    step("adopt")
    await adoptPendingKey(dataDir)
    step("end")
    const file = secretKeyFile(dataDir)
    const count = (of: number, what: string) => `${of} ${what}${of === 1 ? "" : "s"}`
    await print(
      `The secret key is a new one, in "${file}". Encrypted ${count(done.secrets, "secret setting")} anew, sealed ${count(done.sources, "stored source")} anew, ended all sessions; API tokens stay.`,
    )
    if (config.secretKey !== undefined) {
      await print(
        `PAGODA_SECRET_KEY still has the old one: set it to what is in "${file}" for every host, or unset it.`,
      )
    }
  } finally {
    await release()
  }
}

type Transaction = Parameters<Parameters<Database["transaction"]>[0]>[0]

async function changeKey(
  tx: Transaction,
  database: Database,
  next: string,
  keys: { from: Uint8Array; to: Uint8Array },
) {
  await replaceSecretKey(tx, database, next)
  const secrets = await rotateSettings(tx, database, keys)
  await tx.delete(database.tables.session)
  await forgetPasswords(database, tx)
  await createAudit(database).write(tx, caller(), "update", "secret_key", "secret_key", { secrets })
  return secrets
}

/** A data directory that was mistyped is not to look like one whose key is a new one. */
function refuseNothing(config: Config): void {
  const file = sqliteFile(config)
  if (config.databaseUrl !== undefined || existsSync(file)) return
  throw new PagodaError(
    "NOT_FOUND",
    `Cannot replace the secret key: there is no database "${file}" that uses it; name the data directory that has one with --data-dir`,
  )
}

function claim(dataDir: string) {
  try {
    return claimDataDir(dataDir)
  } catch (cause) {
    if (toPagodaError(cause)?.code !== "DATA_DIR_IN_USE") throw cause
    throw new PagodaError(
      "DATA_DIR_IN_USE",
      `Cannot replace the secret key: a host runs on the data directory "${dataDir}"; stop it, then run this again`,
      { cause },
    )
  }
}

/** On Postgres hosts and workers on other machines have a connection that they listen on. */
async function refuseHosts({ db, dialect }: Database): Promise<void> {
  if (dialect === "sqlite") return
  const [row] = (await db.execute(
    sql`select count(*)::int as hosts from pg_stat_activity
        where datname = current_database() and application_name = 'pagoda signals'`,
  )) as unknown as { hosts: number }[]
  if (!row?.hosts) return
  throw new PagodaError(
    "CONFLICT",
    `Cannot replace the secret key: ${row.hosts === 1 ? "a host or worker uses" : `${row.hosts} hosts or workers use`} the database; stop all of them, then run this again`,
  )
}
