import type { Database } from "../../db/database.ts"
import { catalogue, toMessage } from "../../errors.ts"
import type { Log } from "../../log.ts"
import type { Repair } from "../database/repair.ts"
import type { PluginRecord } from "../record.ts"
import type { RepairKey, Repairs } from "../repairs.ts"
import { toMend, toMendDisabled, toMendGrant } from "./mend.ts"
import { purgeUnfinished } from "./purge.ts"
import { countWaiting, type Waiting } from "./waiting.ts"

export type StateWatch = {
  /** Every plugin is what it is to be now: tells what is wrong with each, and takes back what was. */
  settled(records: readonly PluginRecord[], pending: ReadonlyMap<string, readonly string[]>): void
  /** Counts again what waits. */
  look(): Promise<void>
  /** Waits for what is being looked at. */
  close(): Promise<void>
}

export type StateWatchContext = { database: Database; repairs: Repairs; log: Log }

/** What is said of a plugin because of its state; all other repairs of it are of those who reported them. */
const stateCodes = ["PERMISSIONS_PENDING", "PLUGIN_DISABLED", "OVERRIDES_STANDARD", "HOOKS_SKIPPED", "JOBS_WAITING"]

export function createStateWatch({ database, repairs, log }: StateWatchContext): StateWatch {
  let records: readonly PluginRecord[] = []
  let asked: ReadonlyMap<string, readonly string[]> = new Map()
  /** Of each while it was active: the hooks of what is not loaded nobody knows. */
  const hooks = new Map<string, string[]>()
  /** What was said last, by plugin and code. */
  const said = new Map<string, string>()
  let turn: Promise<unknown> = Promise.resolve()
  let hasSettled = false

  const stateOf = (id: string) => records.find((record) => record.id === id)

  /** Whether it has hooks that are skipped only a process knows in which it was active. */
  const isUnknown = ({ plugin, code }: RepairKey, record: PluginRecord | undefined) =>
    code === "HOOKS_SKIPPED" && record !== undefined && record.state !== "active" && !hooks.has(plugin)

  const findWrong = async (record: PluginRecord): Promise<Repair[]> => {
    if (record.state === "active") return toPending(record.id, asked.get(record.id))
    const waiting = await countWaiting(database, record.id)
    return [...toFailure(record, stateOf), ...toOut(record, waiting, hooks.get(record.id) ?? [], stateOf)]
  }

  /** Of what was here, and is no more in the lockfile. */
  const findLeft = async (): Promise<Repair[]> => {
    const { installed_plugin } = database.tables
    const all = await database.db.select({ id: installed_plugin.plugin_id }).from(installed_plugin)
    const removed = all.filter(({ id }) => stateOf(id) === undefined)
    const left = removed.map(async ({ id }) => toLeft(id, await countWaiting(database, id)))
    return (await Promise.all(left)).flat()
  }

  const look = async () => {
    const now = records
    const wrong = (await Promise.all([...now.map(findWrong), findLeft()])).flat()
    const wanted = new Set(wrong.map(toKey))
    for (const key of await repairs.known()) {
      const record = now.find(({ id }) => id === key.plugin)
      if (wanted.has(toKey(key)) || !isOver(key, record) || isUnknown(key, record)) continue
      said.delete(toKey(key))
      await repairs.resolve(key)
    }
    for (const repair of wrong) {
      // what fails again in the same words is counted; what only goes on is not
      const { at = "" } = stateOf(repair.plugin)?.error ?? {}
      const words = `${at} ${repair.message}`
      if (said.get(toKey(repair)) === words) continue
      said.set(toKey(repair), words)
      await repairs.report(repair)
    }
  }

  const lookInTurn = () => {
    turn = turn.then(look).catch((error) => {
      log.error(`Cannot tell what is wrong with plugins: ${toMessage(error)}`, { error })
    })
    return turn
  }

  return {
    settled(next, pending) {
      hasSettled = true
      records = next
      asked = pending
      for (const { id, state, hooks: own } of next)
        if (state === "active")
          hooks.set(
            id,
            own.map(({ name }) => name),
          )
      lookInTurn()
    },
    async look() {
      // before, no plugin would be in the lockfile
      if (hasSettled) await lookInTurn()
    },
    async close() {
      await turn
    },
  }
}

/**
 * Whether what is said no more about the state of this plugin is over. One that is not in the lockfile has no troubles, but
 * for data that was to be deleted, until it is installed again and takes what is left.
 */
function isOver({ plugin, code }: RepairKey, record: PluginRecord | undefined): boolean {
  if (code === purgeUnfinished) return record !== undefined
  if (!record) return plugin !== ""
  if (code === "QUARANTINED") return record.state !== "quarantined"
  if (code === "UPDATE_FAILED") return record.state !== "active" || record.error === undefined
  return stateCodes.includes(code) || Object.hasOwn(catalogue, code)
}

/** It runs; what it was not granted it is refused when it needs it. */
function toPending(plugin: string, permissions: readonly string[] | undefined): Repair[] {
  if (!permissions) return []
  const list = permissions.map((permission) => `"${permission}"`).join(", ")
  const message = `Plugin "${plugin}" asks for ${list}, which the lockfile does not grant: what needs it is refused`
  const mend = toMendGrant(plugin)
  return [{ plugin, code: "PERMISSIONS_PENDING", severity: "warning", message, mend }]
}

/** What is quarantined was told when that happened. */
function toFailure(record: PluginRecord, stateOf: (id: string) => PluginRecord | undefined): Repair[] {
  const { id: plugin, state, error } = record
  if (state !== "failed" || !error) return []
  const { code, message } = error
  return [{ plugin, code, severity: "error", message, mend: toMend(record, stateOf) }]
}

function toOut(
  record: PluginRecord,
  waiting: Waiting,
  hooks: string[],
  stateOf: (id: string) => PluginRecord | undefined,
): Repair[] {
  const { id: plugin, state, reason } = record
  const mend = state === "disabled" ? toMendDisabled(plugin, reason) : toMend(record, stateOf)
  const told = toWaiting({ plugin, mend, why: state, hooks }, waiting)
  if (state !== "disabled") return told
  const message = `Plugin "${plugin}" is disabled: ${reason}; its URLs answer 404`
  return [{ plugin, code: "PLUGIN_DISABLED", severity: "info", message, mend }, ...told]
}

function toLeft(plugin: string, waiting: Waiting): Repair[] {
  const purge = `delete what is left of it with "pagoda plugin remove ${plugin} --purge"`
  const mend = `add it again with "pagoda plugin add <source>", or ${purge}`
  return toWaiting({ plugin, mend, why: "not in the lockfile", hooks: [] }, waiting)
}

type Out = { plugin: string; mend: string; why: string; hooks: string[] }

function toWaiting({ plugin, mend, why, hooks }: Out, { operations, entities, jobs, deliveries }: Waiting): Repair[] {
  const of = `of plugin "${plugin}", which is ${why}`
  const repairs: Repair[] = []
  const warn = (code: string, message: string) => repairs.push({ plugin, code, severity: "warning", message, mend })
  if (operations > 0) {
    const what = `${toCount(operations, "operation")} of ${toCount(entities, "entity", "entities")}`
    warn("OVERRIDES_STANDARD", `Overrides ${of}, are skipped: the standard operation answers ${what}`)
  }
  if (hooks.length > 0 || deliveries > 0) {
    const names = hooks.length > 0 ? ` (${[...new Set(hooks)].join(", ")})` : ""
    const waits = deliveries > 0 ? `; ${toCount(deliveries, "call")} of durable ones wait for it` : ""
    warn("HOOKS_SKIPPED", `Hooks${names} ${of}, are skipped${waits}`)
  }
  if (jobs > 0) warn("JOBS_WAITING", `${toCount(jobs, "job")} ${of}, ${jobs === 1 ? "waits" : "wait"} for it`)
  return repairs
}

function toCount(counted: number, one: string, many = `${one}s`): string {
  return `${counted} ${counted === 1 ? one : many}`
}

function toKey({ plugin, code }: RepairKey): string {
  return `${plugin}\n${code}`
}
