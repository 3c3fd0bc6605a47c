import type { Config } from "../config.ts"
import { settleKey } from "../core/key-rotation.ts"
import { checkSecretKey, readSecretKey } from "../core/secret-key.ts"
import { claimDataDir } from "../data-dir.ts"
import type { Database } from "../db/database.ts"
import { PagodaError, toPagodaError } from "../errors.ts"
import type { Log } from "../log.ts"
import { type Belongings, countBelongings, isEmpty, removeBelongings } from "../plugins/belongings.ts"
import { createPluginDatabases } from "../plugins/database/databases.ts"
import type { PluginContent } from "../plugins/database/plugin-database.ts"
import { toUnfinishedPurge } from "../plugins/repairs/purge.ts"
import { createRepairs } from "../plugins/repairs.ts"
import { withDatabase } from "./open.ts"
import { toSafe } from "./output.ts"
import { caller } from "./running-host.ts"

/** What deleting a plugin's data would delete, and the way to do it. */
export type Purge = {
  readonly isEmpty: boolean
  /** For whoever is asked: a line each. */
  readonly lines: string[]
  run(): Promise<void>
}

/** No host may run on the data directory meanwhile, and none starts. @throws DATA_DIR_IN_USE */
export async function withPurge<T>(
  id: string,
  { config, log }: { config: Config; log: Log },
  work: (purge: Purge) => Promise<T>,
): Promise<T> {
  const release = claim(id, config)
  try {
    return await withDatabase(config, async (database) => work(await preparePurge(id, config, database, log)))
  } finally {
    await release()
  }
}

async function preparePurge(id: string, config: Config, database: Database, log: Log): Promise<Purge> {
  await settleKey(config, log)
  const secretKey = await readSecretKey(config)
  await checkSecretKey(database, secretKey)
  const repairs = createRepairs({ database, log })
  await repairs.begin()
  const databases = createPluginDatabases({ config, database, secretKey, repairs })
  const content = await databases.inspect(id)
  if (content) refuseUsed(id, content)
  const belongings = await countBelongings(database, id)
  return {
    isEmpty: !content && isEmpty(belongings),
    lines: [...describeContent(content), ...describeBelongings(belongings)],
    async run() {
      await repairs.report(toUnfinishedPurge(id))
      await databases.drop(id)
      await removeBelongings(database, id, { by: caller(), gone: belongings })
    },
  }
}

function claim(id: string, config: Config) {
  try {
    return claimDataDir(config.dataDir)
  } catch (error) {
    if (toPagodaError(error)?.code !== "DATA_DIR_IN_USE") throw error
    throw new PagodaError(
      "DATA_DIR_IN_USE",
      `Cannot delete the data of "${id}": a host runs on the data directory "${config.dataDir}"; run "pagoda plugin remove ${id}" now, stop the host, then run this again`,
      { cause: error },
    )
  }
}

/** On Postgres a host on another machine may have it open. */
function refuseUsed(id: string, { where, sessions }: PluginContent): void {
  if (sessions === 0) return
  throw new PagodaError(
    "CONFLICT",
    `Cannot delete the data of "${id}": hosts have ${sessions} connections to its ${where}; take it out of their lockfile first`,
  )
}

function describeContent(content: PluginContent | undefined): string[] {
  if (!content) return []
  const { where, bytes, tables } = content
  const rows = tables.map(({ name, rows }) => {
    return `    ${toSafe(name)}: ${rows === undefined ? "its rows cannot be counted" : toCount(rows, "row")}`
  })
  return [`  its database, ${where} (${toSize(bytes)})${rows.length > 0 ? ", with" : ""}`, ...rows]
}

function describeBelongings(belongings: Belongings): string[] {
  const { settings, overrides, schedules, deliveries, open_jobs, jobs, repairs, is_installed } = belongings
  const lines: [number, string][] = [
    [settings, toCount(settings, "setting")],
    [overrides, `${toCount(overrides, "operation")} of entities that ${overrides === 1 ? "is" : "are"} bound to it`],
    [schedules, toCount(schedules, "schedule")],
    [
      deliveries,
      `${toCount(deliveries, "call")} of its durable hooks that still ${deliveries === 1 ? "waits" : "wait"}`,
    ],
    [open_jobs, `${toCount(open_jobs, "job")} that ${open_jobs === 1 ? "has" : "have"} not ended: canceled`],
    [jobs, `its name in ${toCount(jobs, "job record")}, which ${jobs === 1 ? "stays" : "stay"}`],
    [repairs, `${toCount(repairs, "note")} of what was wrong with it`],
    [is_installed ? 1 : 0, "the record of its installation"],
  ]
  return lines.filter(([counted]) => counted > 0).map(([, line]) => `  ${line}`)
}

function toCount(counted: number, noun: string): string {
  return `${counted} ${noun}${counted === 1 ? "" : "s"}`
}

function toSize(bytes: number): string {
  if (bytes < 1024) return toCount(bytes, "byte")
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}
