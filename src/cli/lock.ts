import { basename } from "node:path"
import { PagodaError } from "../errors.ts"
import { type FetchContext, type FetchedSource, resolveSource } from "../plugins/fetch.ts"
import { toLocked } from "../plugins/lock.ts"
import { type LockedPlugin, readLockfile, writeLockfile } from "../plugins/lockfile.ts"
import { readManifest } from "../plugins/manifest.ts"
import { parseSource, type Source, type SourceRequest } from "../plugins/source.ts"
import { askToRun, type Consent, readVersion } from "./candidate.ts"
import type { Call } from "./command.ts"
import { toErrorLine } from "./error-line.ts"
import { withFetching } from "./open.ts"
import { print, say } from "./output.ts"

/** Fills in what is missing and writes the lockfile in its one form. A plugin that cannot be completed stays as it is. */
export async function lock({ flags, config, log }: Call): Promise<number> {
  const lockfile = await readLockfile(config.lockfile)
  let failures = 0
  await withFetching(config, async (context, quiet) => {
    for (const [id, locked] of Object.entries(lockfile.plugins)) {
      const lacking = findLacking(locked)
      if (lacking.length === 0) continue
      try {
        const consent = { yes: flags.yes === true, grants: locked.permissions ?? [], log }
        lockfile.plugins[id] = await complete(id, locked, context, consent)
        quiet()
        await print(`${id}: filled in ${lacking.join(", ")}`)
      } catch (error) {
        quiet()
        failures++
        await say(toErrorLine(error))
      }
    }
  })
  await writeLockfile(config.lockfile, lockfile)
  const count = Object.keys(lockfile.plugins).length
  if (failures === 0)
    await print(`${basename(config.lockfile)} is complete: ${count} ${count === 1 ? "plugin" : "plugins"}.`)
  return failures === 0 ? 0 : 1
}

function findLacking(locked: LockedPlugin): string[] {
  const fields: (keyof LockedPlugin)[] = ["integrity", "version", "dependencies"]
  return fields.filter((field) => locked[field] === undefined)
}

async function complete(
  id: string,
  locked: LockedPlugin,
  context: FetchContext,
  consent: Consent,
): Promise<LockedPlugin> {
  const fetched = await resolveSource(toExact(parseSource(locked.source)), context)
  const problem = findMismatch(id, locked, fetched)
  if (problem) throw new PagodaError("INTEGRITY_MISMATCH", `Cannot lock "${id}": ${problem}`, { plugin: id })
  const { integrity, dependencies, layout, modules } = toLocked(fetched)
  const version = locked.version ?? readVersion(fetched) ?? (await askToRun(fetched, context, consent)).version
  const tree = locked.dependencies === undefined ? { dependencies, layout } : {}
  return { ...locked, version, integrity, ...tree, modules: locked.modules ?? modules }
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
