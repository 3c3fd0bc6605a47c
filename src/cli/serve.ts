import { startHost } from "../host.ts"
import type { Call } from "./command.ts"
import { runHost } from "./run-host.ts"

export async function serve({ config, log }: Call): Promise<number> {
  if (config.samples !== undefined) {
    log.warn("Plugins are loaded UNVERIFIED: this is for development only", { from: config.samples })
  }
  return runHost(
    () => startHost(config, log),
    (host) => `pagoda ready ${host.url}`,
    log,
    config.watch ? await toWatch(config.lockfile) : undefined,
  )
}

async function toWatch(lockfile: string) {
  const { watchLockfile } = await import("./watch-lockfile.ts")
  return (onChange: () => void) => watchLockfile(lockfile, onChange)
}
