import { type Api, type JobDefinition, type PluginDefinition, PluginSecurityError } from "@pagoda/sdk"
import { loadDrizzle, type MakeDatabase } from "@pagoda/sdk/host"
import { PagodaError, toMessage, toPagodaError } from "../../errors.ts"
import type { Log } from "../../log.ts"
import type { Bundle } from "../bundle.ts"
import { importBundle } from "../import.ts"
import { toSri } from "../integrity.ts"
import { patience, within } from "../patience.ts"
import { createTeller } from "../settings/tell.ts"
import type { Settings } from "../settings.ts"
import type { RemoteDatabase } from "./messages.ts"
import { createRemoteApi, type RemoteApiContext } from "./remote-api.ts"

/** A plugin in a job process: its handlers, with a module state of their own. */
export type Handlers = {
  get(number: number): JobDefinition["run"] | undefined
  /** The `api` of one of its runs. */
  createApi(ask: RemoteApiContext["ask"]): Api
  onSettings(settings: Settings): void
  dispose(): Promise<void>
}

export type LoadOptions = { bundle: Bundle; database: RemoteDatabase; log: Log; ask: RemoteApiContext["ask"] }

/** Runs a plugin's bundle again, as the host did, and its `initialize`. */
export async function loadHandlers({ bundle, database, log, ask }: LoadOptions): Promise<Handlers> {
  const { id } = bundle
  try {
    checkBundle(bundle)
    const createDatabase = await loadDatabase(id, database)
    const definition = (await importBundle(bundle)) as PluginDefinition
    const { jobs = {} } = definition
    const handlers = new Map(Object.entries(jobs).map(([number, job]) => [Number(number), (job as JobDefinition).run]))
    const keep = (number: number, run: JobDefinition["run"]) => void handlers.set(number, run)
    const createApi: Handlers["createApi"] = (ask) => createRemoteApi({ ask, keep, createDatabase })
    await within(patience.initialize, id, "initialize", async () => definition.initialize?.(createApi(ask)))
    return {
      get: (number) => handlers.get(number),
      createApi,
      onSettings: createTeller(definition, { log }),
      dispose: () => within(patience.dispose, id, "dispose", async () => definition.dispose?.()),
    }
  } catch (thrown) {
    const ours = toPagodaError(thrown)
    const message = `In the job process: ${ours?.message ?? toMessage(thrown)}`
    throw new PagodaError(ours?.code ?? "PLUGIN_FAILED", message, { plugin: id, cause: thrown })
  }
}

function checkBundle({ id, code, digest }: Bundle): void {
  const actual = toSri(code)
  if (actual === digest) return
  throw new PagodaError(
    "INTEGRITY_MISMATCH",
    `Cannot import plugin "${id}": the hash of its bundle is "${actual}", the host says "${digest}"`,
  )
}

async function loadDatabase(id: string, { dialect, isGranted }: RemoteDatabase): Promise<MakeDatabase> {
  if (isGranted) return loadDrizzle(dialect)
  return (calls) => ({
    dialect,
    ...calls,
    get drizzle(): never {
      throw new PluginSecurityError(`Plugin "${id}" was not granted the permission "db"`, {
        code: "PERMISSION_MISSING",
      })
    },
  })
}
