import { mapBounded } from "../plugins/fetch/map-bounded.ts"
import { readLockfile } from "../plugins/lockfile.ts"
import { findOutdated, type Outdated } from "../plugins/outdated.ts"
import type { Call } from "./command.ts"
import { withFetching } from "./open.ts"
import { bad, good, print, printJson, toSafe, toSafeLines } from "./output.ts"

const atOnce = 4

export async function listOutdated({ flags, config }: Call): Promise<undefined> {
  const { plugins } = await readLockfile(config.lockfile)
  const found = await withFetching(config, (context) =>
    mapBounded(Object.entries(plugins), atOnce, ([id, locked]) => findOutdated(id, locked, context)),
  )
  if (flags.json) return void (await printJson(found))
  if (found.length === 0) return void (await print("No plugins are installed."))
  await print(found.map(toLine).join("\n"))
  const count = found.filter(({ state }) => state === "outdated").length
  if (count > 0) await print(`"pagoda plugin update" takes ${count === 1 ? "it" : `all ${count}`}.`)
}

function toLine({ id, locked, latest, state, reason }: Outdated): string {
  if (state === "current") return `  ${good()} ${toSafe(id)}: ${toShort(locked)} is current`
  if (state === "unknown") return `  ? ${toSafe(id)}: ${toShort(locked)}: cannot be told: ${toSafeLines(reason ?? "")}`
  return `  ${bad()} ${toSafe(id)}: ${toShort(locked)} → ${toShort(latest ?? "")}`
}

/** A hash is known by its beginning. */
function toShort(text: string): string {
  return toSafe(/^sha512-/.test(text) ? `${text.slice(0, 19)}…` : text.replace(/^([0-9a-f]{12})[0-9a-f]{28}$/, "$1…"))
}
