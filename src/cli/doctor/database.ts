import { existsSync } from "node:fs"
import { sql } from "drizzle-orm"
import type { Config } from "../../config.ts"
import { hasSecretKey, readSecretKey, secretKeyFile } from "../../core/secret-key.ts"
import { type Database, openDatabase } from "../../db/database.ts"
import { type AppliedMigration, findPending } from "../../db/migrate.ts"
import { postgresMigrations, sqliteMigrations } from "../../db/migrations.ts"
import { toMessage, toPagodaError } from "../../errors.ts"
import { sqliteFile } from "../open.ts"
import { type Finding, fine, wrong } from "./finding.ts"

/** So many milliseconds the clocks of hosts and database may differ, for what is due when. */
const mostSkew = 5_000

/** Looks at the database as it is; `use` is called where it has all that this program needs. */
export async function checkDatabase(config: Config, use: (database: Database) => Promise<void>): Promise<Finding[]> {
  const name = "database"
  if (config.databaseUrl === undefined && !existsSync(sqliteFile(config)))
    return [fine(name, "it is not there yet: the first start makes it")]
  let database: Database
  try {
    database = await openDatabase({ url: config.databaseUrl, file: sqliteFile(config) })
  } catch (error) {
    return [toWrong(name, error, "see that it runs and that DATABASE_URL is right")]
  }
  try {
    const current = await checkMigrations(database)
    const findings = [current, ...(await checkClock(database))]
    if (!current.ok) return findings
    findings.push(await checkFingerprint(database, config))
    await use(database)
    return findings
  } catch (error) {
    return [toWrong(name, error, "see that it runs and that nothing else changes its tables")]
  } finally {
    await database.close()
  }
}

async function checkMigrations(database: Database): Promise<Finding> {
  const { dialect } = database
  const migrations = dialect === "postgres" ? postgresMigrations : sqliteMigrations
  try {
    const pending = findPending(migrations, await readApplied(database))
    if (pending.length === 0) return fine("database", `${dialect}, as this program needs it`)
    const names = pending.map(({ name }) => `"${name}"`).join(", ")
    return wrong("database", `migrations are to be applied: ${names}`, "pagoda migrate")
  } catch (error) {
    return toWrong("database", error, "run the Pagoda that applied it")
  }
}

async function readApplied({ db, dialect }: Database): Promise<AppliedMigration[]> {
  const catalog =
    dialect === "postgres"
      ? sql`(select to_regclass('migration')::text as name) as found`
      : sql`(select name from sqlite_master where type = 'table' and name = 'migration') as found`
  const [found] = await db.select({ name: sql<string | null>`name` }).from(catalog)
  if (!found?.name) return []
  return db.select({ name: sql<string>`name`, checksum: sql<string>`checksum` }).from(sql`migration`)
}

/** What is due when is decided by the database's clock, what is logged by the host's. */
async function checkClock({ db, dialect }: Database): Promise<Finding[]> {
  if (dialect === "sqlite") return []
  const before = Date.now()
  const [row] = await db
    .select({ now: sql<string>`now` })
    .from(sql`(select (extract(epoch from clock_timestamp()) * 1000)::text as now) as clock`)
  const skew = Math.round(Number(row?.now) - (before + Date.now()) / 2)
  if (Math.abs(skew) <= mostSkew) return [fine("clock", "it agrees with the database's")]
  const message = `the database's clock is ${Math.abs(skew / 1000)} s ${skew > 0 ? "ahead" : "behind"}`
  return [wrong("clock", message, "let both machines keep their time with NTP")]
}

async function checkFingerprint(database: Database, config: Config): Promise<Finding> {
  const name = "database's key"
  const stored = await database.db.select().from(database.tables.meta).limit(1)
  if (stored.length === 0) return fine(name, "the first start gives it one")
  if (config.secretKey === undefined && !existsSync(secretKeyFile(config.dataDir)))
    return wrong(
      name,
      `there is no "${secretKeyFile(config.dataDir)}"`,
      "restore it from a backup, or set PAGODA_SECRET_KEY",
    )
  if (await hasSecretKey(database, await readSecretKey(config))) return fine(name, "the secret key is the database's")
  const mend = 'set PAGODA_SECRET_KEY to the key it was made with, or restore "secret.key" in the data directory'
  return wrong(name, "the secret key is not the one that the database was made with", mend)
}

function toWrong(name: string, error: unknown, mend: string): Finding {
  // an error made on purpose says itself what mends it
  return wrong(name, toMessage(error), toPagodaError(error) ? undefined : mend)
}
