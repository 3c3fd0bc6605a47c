import { existsSync } from "node:fs"
import { userInfo } from "node:os"
import type { Config } from "../config.ts"
import { openDatabase } from "../db/database.ts"
import { type ErrorCode, PagodaError, toMessage } from "../errors.ts"
import type { ControlActions, ControlAnswer } from "../http/control.ts"
import { findControlFile } from "../http/control-path.ts"
import type { By } from "../plugins/installed.ts"
import type { PluginRecord } from "../plugins/record.ts"
import { tellHosts } from "../plugins/replicas.ts"
import { sqliteFile } from "./open.ts"
import { bad, good, print, say, toSafe } from "./output.ts"

type Name = keyof ControlActions
type Answer<Action extends Name> = Awaited<ReturnType<ControlActions[Action]>>

/** Asks the host that runs on this data directory; nothing where none does. @throws what the host says */
export async function askHost<Action extends Name>(
  { dataDir }: Config,
  action: Action,
  ...[request]: Parameters<ControlActions[Action]>
): Promise<Answer<Action> | undefined> {
  const unix = findControlFile(dataDir)
  if (!existsSync(unix)) return undefined
  let answer: ControlAnswer
  try {
    const init = { unix, method: "POST", body: JSON.stringify(request ?? {}), timeout: false }
    answer = (await (await fetch(`http://pagoda/${action}`, init as RequestInit)).json()) as ControlAnswer
  } catch (cause) {
    // of a host that was killed
    if (isRefused(cause)) return undefined
    throw new PagodaError("CONFLICT", `Cannot reach the host that runs at "${unix}": ${toMessage(cause)}`, { cause })
  }
  if ("error" in answer) throw new PagodaError(answer.error.code as ErrorCode, answer.error.message)
  return answer.value as Answer<Action>
}

function isRefused(error: unknown): boolean {
  return ["ECONNREFUSED", "ConnectionRefused", "FailedToOpenSocket", "ENOENT"].includes(
    String((error as { code?: unknown }).code),
  )
}

/** Whoever calls this program, as the audit names him. */
export function caller(): By {
  const username = `cli:${userInfo().username}`
  return { id: username, username }
}

/** The lockfile was changed: every host that can be reached takes it. Says what became of these; gives the exit code. */
export async function tellChange(config: Config, ids: readonly string[], tell = print): Promise<number> {
  const records = await askHost(config, "sync")
  if (records) return tellStates(records, ids, tell)
  if (config.databaseUrl === undefined) {
    await tell('No host runs here; it takes effect with the next "pagoda serve".')
    return 0
  }
  await tellOthers(config, tell)
  return 0
}

/** The lockfile is written already: that nobody can be told is no failure of the command. */
async function tellOthers(config: Config, tell: typeof print): Promise<void> {
  try {
    const database = await openDatabase({ url: config.databaseUrl, file: sqliteFile(config) })
    await tellHosts(database).finally(() => database.close())
    await tell("Every host of this database reads its lockfile again; none runs on this data directory.")
  } catch (error) {
    await say(`No host was told, each takes it at its next start: ${toMessage(error)}`)
  }
}

/** 1 where one of them failed. */
export async function tellStates(
  records: readonly PluginRecord[],
  ids: readonly string[],
  tell = print,
): Promise<number> {
  let exitCode = 0
  for (const id of ids) {
    const record = records.find((one) => one.id === id)
    if (record?.error) exitCode = 1
    if (!record) await tell(`${good()} The host that runs has let go of ${id}.`)
    else if (!record.error)
      await tell(`${good()} In the host that runs, ${id}${versionOf(record)} is ${toState(record)}.`)
    else if (record.state === "active")
      await say(`${bad()} The host that runs still serves ${id}${versionOf(record)}: ${toSafe(record.error.message)}`)
    else await say(`${bad()} In the host that runs, ${id} is ${record.state}: ${toSafe(record.error.message)}`)
  }
  return exitCode
}

function versionOf({ version }: PluginRecord): string {
  return version === "" ? "" : ` (${toSafe(version)})`
}

function toState({ state, reason }: PluginRecord): string {
  return reason === undefined ? state : `${state}: ${reason}`
}
