import { PagodaError, toMessage } from "../errors.ts"
import { toBundleKey } from "../plugins/bundle.ts"
import { type FetchContext, type FetchedSource, fetchSource } from "../plugins/fetch.ts"
import { type LockedPlugin, readLockfile } from "../plugins/lockfile.ts"
import { requireIntegrity, verifySource } from "../plugins/verify.ts"
import type { Call } from "./command.ts"
import { withFetching } from "./open.ts"
import { bad, good, print, printJson, toSafe, toSafeLines } from "./output.ts"

export type Verdict = {
  id: string
  source: string
  ok: boolean
  files: number
  packages: number
  error?: string
  code?: string
}

export async function verifyPlugins({ flags, config }: Call): Promise<number> {
  const { plugins } = await readLockfile(config.lockfile)
  const verdicts = await withFetching(config, async (context, quiet) => {
    const all: Verdict[] = []
    for (const [id, locked] of Object.entries(plugins)) all.push(await verifyOne(id, locked, context))
    quiet()
    return all
  })
  if (flags.json) await printJson(verdicts)
  else await print(verdicts.map(toLine).join("\n") || "There is no plugin to verify.")
  return verdicts.every(({ ok }) => ok) ? 0 : 1
}

export async function verifyOne(id: string, locked: LockedPlugin, context: FetchContext): Promise<Verdict> {
  const verdict = { id, source: locked.source, ok: false, files: 0, packages: 0 }
  try {
    requireIntegrity(id, locked)
    const source = verifySource(id, locked, await fetchStored(locked, context))
    // what would be imported: the store checks its seal
    await context.store.readBundle(toBundleKey(source, { id, grants: locked.permissions ?? [] }))
    const { files, packages } = source
    return { ...verdict, ok: true, files: files.size, packages: packages.size }
  } catch (error) {
    if (!(error instanceof PagodaError)) throw error
    return { ...verdict, error: toMessage(error), code: error.code }
  }
}

/** From the store as it is: with the network at hand, fetching would mend a damaged entry before anyone saw it. */
async function fetchStored(locked: LockedPlugin, context: FetchContext): Promise<FetchedSource> {
  try {
    return await fetchSource(locked, { ...context, offline: true })
  } catch (error) {
    if (context.offline || !(error instanceof PagodaError) || error.code !== "OFFLINE") throw error
    return fetchSource(locked, context)
  }
}

function toLine({ id, source, ok, files, packages, error }: Verdict): string {
  if (!ok) return `  ${bad()} ${id}: ${toSafeLines(error ?? "")}`
  return `  ${good()} ${id}: ${toSafe(source)} (${files} files, ${packages} packages)`
}
