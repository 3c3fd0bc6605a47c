import { readLockfile } from "../plugins/lockfile.ts"
import type { Call } from "./command.ts"
import { printJson } from "./output.ts"
import { askHost, tellChange } from "./running-host.ts"

/** A broken lockfile is told here, before a host is asked. */
export async function syncPlugins({ config, flags }: Call): Promise<number> {
  const { plugins } = await readLockfile(config.lockfile)
  if (!flags.json) return tellChange(config, Object.keys(plugins))
  const records = await askHost(config, "sync")
  await printJson(records ?? [])
  return records?.some(({ error }) => error) ? 1 : 0
}
