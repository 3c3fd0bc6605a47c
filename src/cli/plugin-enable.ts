import type { Config } from "../config.ts"
import { PagodaError } from "../errors.ts"
import { findDependents } from "../plugins/dependents.ts"
import { type Installed, openInstalled } from "../plugins/installed.ts"
import { type Lockfile, readLockfile } from "../plugins/lockfile.ts"
import type { PluginRecord } from "../plugins/record.ts"
import { toNeeded } from "../plugins/registry.ts"
import { tellHosts } from "../plugins/replicas.ts"
import type { Call } from "./command.ts"
import { getLocked } from "./edit.ts"
import { withDatabase } from "./open.ts"
import { bad, print, say } from "./output.ts"
import { askHost, caller, tellStates } from "./running-host.ts"

export function enablePlugin(call: Call): Promise<number> {
  return setEnabled(call, true)
}

export function disablePlugin(call: Call): Promise<number> {
  return setEnabled(call, false)
}

async function setEnabled({ args: [id = ""], flags, config }: Call, enabled: boolean): Promise<number> {
  const lockfile = await readLockfile(config.lockfile)
  getLocked(lockfile, id)
  const force = flags.force === true
  const what = enabled ? "Enabled" : "Disabled"
  const before = enabled ? [] : await readActive(config)
  const record = await askHost(config, "setEnabled", { id, enabled, force, by: caller() })
  if (record) {
    const after = enabled ? [] : await readActive(config)
    const others = before.filter((other) => other !== id && !after.includes(other))
    await print(`${what} ${[id, ...others].join(", ")}.`)
    return enabled ? tellEnabled(record) : tellStates([record], [id])
  }
  const ids = await store(id, enabled, { lockfile, force, config })
  await print(`${what} ${ids.join(", ")}; ${toEffect(config)}`)
  return 0
}

/** In the host that runs; nothing where none does. */
async function readActive(config: Config): Promise<string[]> {
  const { plugins = [] } = (await askHost(config, "diagnose")) ?? {}
  return plugins.filter(({ state }) => state === "active").map(({ id }) => id)
}

/** 1 where it does not run: what is enabled may be unwanted or quarantined all the same. */
async function tellEnabled(record: PluginRecord): Promise<number> {
  if (record.state === "active" || record.error) return tellStates([record], [record.id])
  await say(`${bad()} In the host that runs, ${record.id} is still ${record.state}: ${record.reason}`)
  return 1
}

function toEffect({ databaseUrl }: Config): string {
  if (databaseUrl !== undefined) return "every host of this database was told; none runs on this data directory."
  return 'no host runs here: it takes effect with the next "pagoda serve".'
}

type Options = { lockfile: Lockfile; force: boolean; config: Config }

/** Without a host only the database tells what needs what: as it was when they ran last. */
function store(id: string, enabled: boolean, { lockfile, force, config }: Options): Promise<string[]> {
  return withDatabase(config, async (database) => {
    const installed = openInstalled(database)
    const others = (await isConcerned(id, enabled, installed)).filter((other) => Object.hasOwn(lockfile.plugins, other))
    if (enabled) refuseNeedy(id, others)
    else if (others.length > 0 && !force) throw toNeeded(id, others)
    const ids = enabled ? [id] : [id, ...others]
    await installed.setEnabled(ids, enabled, caller())
    await tellHosts(database, id)
    return ids
  })
}

/** What is not disabled and needs it, or what it needs and is disabled. */
async function isConcerned(id: string, enabled: boolean, installed: Installed): Promise<string[]> {
  const [needs, disabled] = [await installed.dependencies(), (await installed.read()).disabled]
  if (!enabled) return findDependents(id, needs).filter((other) => !disabled.has(other))
  const found = new Set([id])
  for (const each of found) for (const other of needs.get(each) ?? []) found.add(other)
  found.delete(id)
  return [...found].filter((other) => disabled.has(other))
}

function refuseNeedy(id: string, disabled: string[]): void {
  if (disabled.length === 0) return
  const names = disabled.map((other) => `"${other}", which is disabled`).join(", and ")
  const mend = `run "pagoda plugin enable ${disabled.at(-1)}" first`
  throw new PagodaError("DEPENDENCY_FAILED", `Cannot enable plugin "${id}": it needs ${names}; ${mend}`, { plugin: id })
}
