import type { Config } from "../config.ts"
import { PagodaError, toMessage, toPagodaError } from "../errors.ts"
import { findDifference, forgetFiles, rememberFiles } from "../plugins/difference.ts"
import { type FetchContext, type FetchedSource, resolveSource } from "../plugins/fetch.ts"
import { loadPlugin } from "../plugins/load.ts"
import { toLocked } from "../plugins/lock.ts"
import { type LockedPlugin, readLockfile } from "../plugins/lockfile.ts"
import { parseSource, type Source } from "../plugins/source.ts"
import type { Store } from "../plugins/store.ts"
import { isInRange } from "../plugins/versions.ts"
import { mustAgree } from "./ask.ts"
import { editAudited } from "./audited.ts"
import { type Consent, describe, readDeclared, readVersion } from "./candidate.ts"
import type { Call } from "./command.ts"
import { getLocked } from "./edit.ts"
import { toErrorLine } from "./error-line.ts"
import { containForeign } from "./foreign.ts"
import { readGrants } from "./grants.ts"
import { type Journal, withJournal } from "./journal.ts"
import { withFetching } from "./open.ts"
import { print, printJson, say } from "./output.ts"
import { tellChange } from "./running-host.ts"
import { findWeaker, readPluginTrust } from "./trust.ts"
import { describeChange, toVersion, type UpdateReport } from "./update-report.ts"

/** What updating one plugin takes. `tell` is silent where the answer is JSON. */
type Update = {
  context: FetchContext
  consent: Consent
  /** Granted whether it asks for it or not: what is named for this one plugin. */
  given: readonly string[]
  quiet: () => void
  tell: (text: string) => Promise<void>
  journal: Journal
  config: Config
}

export async function updatePlugins(call: Call): Promise<number> {
  const { args, flags, config, log } = call
  const consent = { yes: flags.yes === true, grants: readGrants(call), log }
  const lockfile = await readLockfile(config.lockfile)
  const [id] = args
  const chosen = id === undefined ? Object.entries(lockfile.plugins) : [[id, getLocked(lockfile, id)] as const]
  const tell = flags.json ? async () => {} : print
  if (chosen.length === 0) await tell("There is no plugin to update.")
  const reports: UpdateReport[] = []
  await withJournal(call, (journal) =>
    withFetching(config, async (context, quiet) => {
      for (const [each, locked] of chosen) {
        const given = id === undefined ? [] : consent.grants
        const update = { context, consent, given, quiet, tell, journal, config }
        try {
          reports.push(await updateOne(each, locked, update))
        } catch (error) {
          // the others are updated none the less; the exit code tells
          if (chosen.length === 1) throw error
          quiet()
          reports.push(toFailure(each, locked, error))
          await say(toErrorLine(error))
        }
      }
    }),
  )
  const updated = reports.flatMap(({ id: each, result }) => (result === "updated" ? [each] : []))
  const told = updated.length > 0 ? await tellChange(config, updated, tell) : 0
  if (flags.json) await printJson(reports)
  return reports.every(({ result }) => result !== "failed") ? told : 1
}

function toFailure(id: string, locked: LockedPlugin, error: unknown): UpdateReport {
  const code = toPagodaError(error)?.code ?? "INTERNAL"
  return { id, result: "failed", from: toVersion(locked), error: { code, message: toMessage(error) } }
}

/** Nothing is written before the new version was shown, agreed to where it asks for more, and loaded. */
async function updateOne(id: string, locked: LockedPlugin, update: Update): Promise<UpdateReport> {
  const { context, consent, given, quiet, tell, journal } = update
  journal.step("fetch", id)
  const fetched = await resolveNewest(parseSource(locked.source), { ...context, store: forgetful(context.store) })
  quiet()
  const { isolation, required, permissions: granted = [] } = locked
  const next = { ...locked, ...toLocked(fetched, { isolation, required, permissions: granted }) }
  if (isSame(locked, next)) return keepBytes(id, locked, fetched, update)
  journal.step("show", id)
  const declared = await readDeclared(fetched, context, { ...consent, grants: [...granted, ...given] })
  refuseOther(id, declared.id)
  const difference = await findDifference(locked, fetched, context.store)
  const asked = declared.permissions.filter((permission) => !granted.includes(permission))
  const unasked = granted.filter((permission) => !declared.permissions.includes(permission))
  const trust = await readPluginTrust(next, context.store)
  const weaker = findWeaker(await readPluginTrust(locked, context.store), trust)
  const told = { asked, unasked, weaker }
  const change = describeChange(locked, { ...next, version: readVersion(fetched) }, difference, told)
  await tell(`${await describe(fetched, declared, context.store)}\n${change}`)
  const open = asked.filter((permission) => !consent.grants.includes(permission))
  if (open.length > 0) await mustAgree(`Update "${id}" and grant it ${open.join(", ")} as well?`, consent.yes)

  const permissions = [...new Set([...granted, ...asked, ...given])]
  journal.step("load", id)
  const { version } = await reload(id, { ...next, permissions, version: undefined }, context, consent)
  const entry = { ...next, permissions, version }
  await rememberFiles(fetched, context.store)
  await write(id, locked, entry, update)
  if (entry.integrity !== locked.integrity) await forgetFiles(locked, context.store)
  await tell(`Updated ${id} from ${locked.version ?? "no version"} to ${version}.`)
  return {
    ...{ id, result: "updated", from: toVersion(locked), to: toVersion(entry), ...difference },
    ...{ permissions: { granted: permissions, newly_asked: asked, unasked }, trust, weaker },
  }
}

/** There is nothing newer: it is looked whether it loads, and written only what it is given besides. */
async function keepBytes(
  id: string,
  locked: LockedPlugin,
  fetched: FetchedSource,
  update: Update,
): Promise<UpdateReport> {
  const { context, consent, given, tell } = update
  const { version, permissions = [] } = locked
  const more = given.filter((permission) => !permissions.includes(permission))
  const entry = { ...locked, permissions: [...permissions, ...more] }
  const from = toVersion(locked)
  await reload(id, entry, context, consent)
  await rememberFiles(fetched, context.store)
  await tell(`${id} (${version}) is up to date.`)
  if (more.length === 0) return { id, result: "current", from }
  await write(id, locked, entry, update)
  await tell(`Granted ${more.join(", ")} to ${id}.`)
  const told = { granted: entry.permissions, newly_asked: [], unasked: [] }
  return { id, result: "updated", from, to: from, files: [], packages: [], permissions: told }
}

async function write(
  id: string,
  locked: LockedPlugin,
  entry: LockedPlugin,
  { journal, config }: Update,
): Promise<void> {
  journal.step("write", id)
  await editAudited(config, (plugins) => {
    if (!Bun.deepEquals(plugins[id], locked)) throw changedMeanwhile(id)
    plugins[id] = entry
  })
  journal.step("written", id)
}

/** What somebody did by hand while this command fetched or asked must not be undone. */
function changedMeanwhile(id: string): PagodaError {
  const message = `Cannot update "${id}": its entry in the lockfile was changed meanwhile; run "pagoda plugin update ${id}" again`
  return new PagodaError("CONFLICT", message, { plugin: id })
}

/** Bundles anew, whatever the store has, and looks whether the plugin loads. */
async function reload(id: string, locked: LockedPlugin, context: FetchContext, { log }: Consent) {
  containForeign(log)
  const store = { ...context.store, readBundle: async () => undefined }
  return (await loadPlugin(id, locked, { ...context, store })).definition
}

/** Before its code runs under the old one's name. */
function refuseOther(id: string, declared: string): void {
  if (declared === id) return
  throw new PagodaError(
    "PLUGIN_MISMATCH",
    `Cannot update "${id}": the new version says the id "${declared}"; run "pagoda plugin remove ${id}" and add the other one`,
    { plugin: id },
  )
}

/** Takes what is written and gives nothing: everything is fetched again, and what was damaged is replaced. */
function forgetful(store: Store): Store {
  return { ...store, readTree: async () => undefined }
}

/** Never goes back: whoever locked a pre-release means to stay ahead of the tag `latest`. */
async function resolveNewest(source: Source, context: FetchContext): Promise<FetchedSource> {
  if (source.kind === "git")
    return resolveSource({ kind: "git", url: source.url, path: source.path, ref: "HEAD" }, context)
  if (source.kind !== "npm") return resolveSource(source, context)
  const newest = await resolveSource({ kind: "npm", name: source.name, range: "latest" }, context)
  if (!isInRange(readVersion(newest) ?? source.version, `<${source.version}`)) return newest
  return resolveSource({ kind: "npm", name: source.name, range: source.version }, context)
}

function isSame(locked: LockedPlugin, next: LockedPlugin): boolean {
  const bytes = ({ source, integrity, dependencies = {}, layout = {}, modules = {} }: LockedPlugin) => {
    return { source, integrity, dependencies, layout, modules }
  }
  return locked.version !== undefined && Bun.deepEquals(bytes(locked), bytes(next))
}
