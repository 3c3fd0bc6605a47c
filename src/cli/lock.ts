import { basename } from "node:path"
import { PagodaError } from "../errors.ts"
import { bundlePlugin } from "../plugins/bundle.ts"
import { rememberFiles } from "../plugins/difference.ts"
import { type FetchContext, type FetchedSource, fetchSource, resolveSource } from "../plugins/fetch.ts"
import { toLocked } from "../plugins/lock.ts"
import { type LockedPlugin, readLockfile } from "../plugins/lockfile.ts"
import { readManifest } from "../plugins/manifest.ts"
import { parseSource, type Source, type SourceRequest } from "../plugins/source.ts"
import { verifySource } from "../plugins/verify.ts"
import { editAudited } from "./audited.ts"
import { askToRun, type Consent, readVersion } from "./candidate.ts"
import type { Call } from "./command.ts"
import { toErrorLine } from "./error-line.ts"
import { type Journal, withJournal } from "./journal.ts"
import { withFetching } from "./open.ts"
import { print, say } from "./output.ts"

/** Fills in what is missing and writes the lockfile in its one form. A plugin that cannot be completed stays as it is. */
export async function lock(call: Call): Promise<number> {
  return withJournal(call, (journal) => fillAll(call, journal))
}

async function fillAll({ flags, config, log }: Call, journal: Journal): Promise<number> {
  const { plugins: before } = await readLockfile(config.lockfile)
  const completed = new Map<string, LockedPlugin>()
  let failures = 0
  await withFetching(config, async (context, quiet) => {
    for (const [id, locked] of Object.entries(before)) {
      try {
        if (!isLacking(locked) && !(await hasGap(id, locked, context))) continue
        journal.step("fetch", id)
        const consent = { yes: flags.yes === true, grants: locked.permissions ?? [], log }
        const whole = await complete(id, locked, context, consent)
        completed.set(id, whole)
        quiet()
        const filled = fillable.filter((field) => !Bun.deepEquals(whole[field], locked[field]))
        if (filled.length > 0) await print(`${id}: filled in ${filled.join(", ")}`)
      } catch (error) {
        quiet()
        failures++
        await say(toErrorLine(error))
      }
    }
  })
  journal.step("write")
  await editAudited(config, (plugins) => {
    // what was edited meanwhile is for the next time
    for (const [id, whole] of completed) if (Bun.deepEquals(plugins[id], before[id])) plugins[id] = whole
  })
  journal.step("written")
  const count = Object.keys(before).length
  if (failures === 0)
    await print(`${basename(config.lockfile)} is complete: ${count} ${count === 1 ? "plugin" : "plugins"}.`)
  return failures === 0 ? 0 : 1
}

const fillable = ["integrity", "version", "dependencies", "layout", "modules"] as const

function isLacking({ integrity, version, dependencies }: LockedPlugin): boolean {
  return integrity === undefined || version === undefined || dependencies === undefined
}

/** A package or module that it imports and the lockfile does not name. What is not in the store is taken to be whole. */
async function hasGap(id: string, locked: LockedPlugin, context: FetchContext): Promise<boolean> {
  try {
    const source = verifySource(id, locked, await fetchSource(locked, { ...context, offline: true }))
    await bundlePlugin(source, { id, grants: locked.permissions ?? [] }, context.store)
    return false
  } catch (error) {
    if (!(error instanceof PagodaError)) throw error
    return error.code === "INTEGRITY_MISSING" || error.code === "BUNDLE_FAILED"
  }
}

async function complete(
  id: string,
  locked: LockedPlugin,
  context: FetchContext,
  consent: Consent,
): Promise<LockedPlugin> {
  const fetched = await resolveSource(toExact(parseSource(locked.source)), context)
  await rememberFiles(fetched, context.store)
  const problem = findMismatch(id, locked, fetched)
  if (problem) throw new PagodaError("INTEGRITY_MISMATCH", `Cannot lock "${id}": ${problem}`, { plugin: id })
  const { integrity, dependencies, layout, modules } = toLocked(fetched)
  const version = locked.version ?? readVersion(fetched) ?? (await askToRun(fetched, context, consent)).version
  const own = { ...locked, version, integrity }
  if (own.dependencies !== undefined && !(await hasGap(id, own, context))) return own
  return {
    ...own,
    dependencies: fillIn(id, "package", own.dependencies, dependencies),
    layout,
    modules: fillIn(id, "module", own.modules, modules),
  }
}

type Hashes = Record<string, string>

/** All that was found, as long as what is locked is among it as it is. */
function fillIn<Found extends Hashes | undefined>(id: string, noun: string, locked: Hashes = {}, found: Found): Found {
  for (const [name, said] of Object.entries(locked)) {
    const is = found?.[name]
    if (is === said) continue
    throw new PagodaError(
      "INTEGRITY_MISMATCH",
      `Cannot lock "${id}": ${noun} "${name}" is ${is ? `"${is}"` : "not what it takes today"}, lockfile says "${said}"; run "pagoda plugin update ${id}" if you mean to take the new one`,
      { plugin: id },
    )
  }
  return found
}

/** A hash that is there is never changed: where it is wrong, a person has to say so. */
function findMismatch(id: string, locked: LockedPlugin, fetched: FetchedSource): string | undefined {
  const declared = readManifest(fetched)?.id
  if (declared !== undefined && declared !== id) return `its manifest says the id "${declared}"`
  if (locked.integrity === undefined || locked.integrity === fetched.integrity) return
  return `integrity of "${locked.source}" is "${fetched.integrity}", lockfile says "${locked.integrity}"; run "pagoda plugin update ${id}" if you mean to take the new one`
}

/** What is locked, asked for as if it were new: that also says what it depends on. */
function toExact(source: Source): SourceRequest {
  if (source.kind === "npm") return { kind: "npm", name: source.name, range: source.version }
  if (source.kind === "git") return { kind: "git", url: source.url, path: source.path, ref: source.commit }
  return source
}
