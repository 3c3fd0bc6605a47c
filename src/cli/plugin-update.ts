import { type FetchContext, type FetchedSource, resolveSource } from "../plugins/fetch.ts"
import { loadPlugin } from "../plugins/load.ts"
import { toLocked } from "../plugins/lock.ts"
import { type LockedPlugin, readLockfile } from "../plugins/lockfile.ts"
import { readManifest } from "../plugins/manifest.ts"
import { parseSource, type Source } from "../plugins/source.ts"
import type { Store } from "../plugins/store.ts"
import { isInRange } from "../plugins/versions.ts"
import { mustAgree } from "./ask.ts"
import { type Consent, describe, readDeclared, readVersion } from "./candidate.ts"
import type { Call } from "./command.ts"
import { editLockfile, getLocked } from "./edit.ts"
import { toErrorLine } from "./error-line.ts"
import { containForeign } from "./foreign.ts"
import { withFetching } from "./open.ts"
import { print, say, toSafe } from "./output.ts"

export async function updatePlugins({ args: [id], flags, config, log }: Call): Promise<number> {
  const lockfile = await readLockfile(config.lockfile)
  const chosen = id === undefined ? Object.entries(lockfile.plugins) : [[id, getLocked(lockfile, id)] as const]
  if (chosen.length === 0) await print("There is no plugin to update.")
  let failures = 0
  await withFetching(config, async (context, quiet) => {
    for (const [each, locked] of chosen) {
      try {
        const next = await updateOne(each, locked, context, quiet, {
          yes: flags.yes === true,
          grants: locked.permissions ?? [],
          log,
        })
        if (!next) continue
        await editLockfile(config.lockfile, (plugins) => {
          plugins[each] = next
        })
      } catch (error) {
        // the others are updated none the less; the exit code tells
        if (chosen.length === 1) throw error
        quiet()
        failures++
        await say(toErrorLine(error))
      }
    }
  })
  return failures === 0 ? 0 : 1
}

/** The new entry, or nothing where the old one still says it all. */
async function updateOne(
  id: string,
  locked: LockedPlugin,
  context: FetchContext,
  quiet: () => void,
  consent: Consent,
): Promise<LockedPlugin | undefined> {
  const fetched = await resolveNewest(parseSource(locked.source), { ...context, store: forgetful(context.store) })
  quiet()
  const { isolation, required, permissions: granted = [] } = locked
  const next = { ...locked, ...toLocked(fetched, { isolation, required, permissions: granted }) }
  if (isSame(locked, next)) {
    await reload(id, locked, context, consent)
    await print(`${id} (${locked.version}) is up to date.`)
    return
  }
  const declared = await readDeclared(fetched, context, consent)
  const asked = declared.permissions.filter((permission) => !granted.includes(permission))
  await print(`${describe(fetched, declared)}\n${describeChange(locked, fetched)}`)
  if (asked.length > 0) await mustAgree(`Update "${id}" and grant it ${asked.join(", ")} as well?`, consent.yes)
  const entry = { ...next, permissions: [...granted, ...asked], version: undefined }
  const { version } = await reload(id, entry, context, consent)
  await print(
    `Updated ${id} from ${locked.version ?? "no version"} to ${version}; a host that runs takes it at its next start, or on SIGHUP.`,
  )
  return { ...entry, version }
}

/** Bundles anew, whatever the store has, and looks whether the plugin loads. */
async function reload(id: string, locked: LockedPlugin, context: FetchContext, { log }: Consent) {
  containForeign(log)
  const store = { ...context.store, readBundle: async () => undefined }
  return (await loadPlugin(id, locked, { ...context, store })).definition
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

function describeChange(locked: LockedPlugin, fetched: FetchedSource): string {
  const version = readVersion(fetched)
  const manifest = readManifest(fetched)
  const rows = [
    ["version", locked.version ?? "none", version ?? "as its code says"],
    ["integrity", locked.integrity ?? "none", fetched.integrity],
  ]
  const asked = manifest?.permissions.filter((permission) => !locked.permissions?.includes(permission)) ?? []
  const lines = rows.map(([name = "", from = "", to = ""]) => `  ${name.padEnd(10)} ${from} → ${toSafe(to)}`)
  if (asked.length > 0) lines.push(`  ${"new".padEnd(10)} ${toSafe(asked.join(", "))}`)
  return lines.join("\n")
}
