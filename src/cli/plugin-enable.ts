import { openInstalled } from "../plugins/installed.ts"
import { readLockfile } from "../plugins/lockfile.ts"
import type { Call } from "./command.ts"
import { getLocked } from "./edit.ts"
import { withDatabase } from "./open.ts"
import { print } from "./output.ts"

export function enablePlugin(call: Call): Promise<undefined> {
  return setEnabled(call, true)
}

export function disablePlugin(call: Call): Promise<undefined> {
  return setEnabled(call, false)
}

async function setEnabled({ args: [id = ""], config }: Call, enabled: boolean): Promise<undefined> {
  getLocked(await readLockfile(config.lockfile), id)
  await withDatabase(config, (database) => openInstalled(database).setEnabled(id, enabled))
  const what = enabled ? "Enabled" : "Disabled"
  await print(`${what} ${id}; a host that runs takes it at its next start, or on SIGHUP.`)
}
