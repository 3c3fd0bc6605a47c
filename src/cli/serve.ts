import { PagodaError, toMessage } from "../errors.ts"
import { startHost } from "../host.ts"
import type { Call } from "./command.ts"
import { print } from "./output.ts"

/** Runs until a signal ends it: the first one gracefully, a second one at once. */
export async function serve({ config, log }: Call): Promise<number | undefined> {
  if (config.watch) throw new PagodaError("NOT_YET", 'Cannot serve: "--watch" is not yet built')
  if (config.vendor !== undefined) throw new PagodaError("NOT_YET", 'Cannot serve: "--vendor" is not yet built')
  if (config.samples !== undefined) {
    log.warn("Plugins are loaded UNVERIFIED: this is for development only", { from: config.samples })
  }
  const { exit } = process
  const stopped = Promise.withResolvers<void>()
  let signals = 0
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (++signals > 1) exit(signal === "SIGTERM" ? 143 : 130)
      log.info("Pagoda stops", { signal })
      stopped.resolve()
    })
  }
  const starting = startHost(config, log)
  process.on("SIGHUP", () => {
    const synced = starting.then((host) => host.sync())
    synced.then(
      () => log.info("Pagoda read the lockfile again"),
      (error: unknown) => log.error(`What runs stays as it is: ${toMessage(error)}`),
    )
  })
  const host = await starting
  if (signals === 0) await print(`pagoda ready ${host.url}`)
  await stopped.promise
  await host.stop()
  return 0
}
