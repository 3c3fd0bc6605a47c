import { PagodaError } from "../errors.ts"
import { startWorker } from "../host.ts"
import type { Call } from "./command.ts"
import { runHost } from "./run-host.ts"

export async function worker({ config, log }: Call): Promise<number> {
  if (config.databaseUrl === undefined) {
    const wanted = 'set it to "postgres://…", or use "pagoda serve", which runs the jobs of a SQLite database itself'
    throw new PagodaError("CONFIG_INVALID", `Cannot run a worker: DATABASE_URL is not set; ${wanted}`)
  }
  return runHost(
    () => startWorker(config, log),
    () => "pagoda worker ready",
    log,
  )
}
