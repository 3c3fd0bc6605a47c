import { toMessage } from "../errors.ts"
import type { Log } from "../log.ts"
import type { Undo } from "../undo.ts"
import { print } from "./output.ts"

/** Calls back when the lockfile changes, until undone. */
type Watch = (onChange: () => void) => Undo

type Running = { sync(): Promise<void>; stop(): Promise<void> }

/** Runs until a signal ends it: the first one gracefully, a second one at once. Says on stdout when it is ready. */
export async function runHost<Host extends Running>(
  start: () => Promise<Host>,
  toLine: (host: Host) => string,
  log: Log,
  watch?: Watch,
  noun = "lockfile",
): Promise<number> {
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
  const sync = () => {
    const synced = starting.then((host) => host.sync())
    synced.then(
      () => log.info(`Pagoda read the ${noun} again`),
      (error: unknown) => log.error(`What runs stays as it is: ${toMessage(error)}`),
    )
  }
  // before the start reads the lockfile: no change is missed
  const unwatch = watch?.(sync)
  const starting = start()
  process.on("SIGHUP", sync)
  const host = await starting
  if (signals === 0) await print(toLine(host))
  await stopped.promise
  unwatch?.()
  await host.stop()
  return 0
}
