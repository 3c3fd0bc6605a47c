import { dirname, join } from "node:path"
import type { Config } from "./config.ts"
import { settleKey } from "./core/key-rotation.ts"
import { checkSecretKey, deriveKey, readSecretKey } from "./core/secret-key.ts"
import { claimDataDir } from "./data-dir.ts"
import { type Database, openDatabase } from "./db/database.ts"
import type { Log } from "./log.ts"
import type { LoadContext } from "./plugins/load.ts"
import { type Lockfile, readLockfile } from "./plugins/lockfile.ts"
import { readSamples } from "./plugins/samples.ts"
import { openStore } from "./plugins/store.ts"
import { silent } from "./progress.ts"
import type { Undo } from "./undo.ts"

/** What a host begins with: its own until undone. */
export type Data = {
  readonly database: Database
  readonly secretKey: string
  /** What plugins are loaded with. */
  readonly load: LoadContext
  /** Says which plugins are wanted now. */
  readonly readWanted: () => Promise<Lockfile>
  /** Those that were when it was opened. */
  readonly wanted: Lockfile
}

/** Claims the data directory, reads the key and the lockfile, and brings the database up to this program. */
export async function openData(config: Config, log: Log, undos: Undo[]): Promise<Data> {
  undos.push(claimDataDir(config.dataDir))
  await settleKey(config, log)
  const secretKey = await readSecretKey(config)
  const load: LoadContext = {
    store: openStore(join(config.dataDir, "store"), deriveKey(secretKey, "store")),
    folder: dirname(config.lockfile),
    offline: config.offline || config.vendor !== undefined,
    vendor: config.vendor,
    progress: silent,
    unverified: (config.samples ?? config.project) !== undefined,
  }
  const readWanted = await toReader(config, load)
  const wanted = await readWanted()

  const database = await openDatabase({ url: config.databaseUrl, file: join(config.dataDir, "pagoda.db") })
  undos.push(() => database.close())
  await database.migrate()
  // whoever replaces the key sees a host by what it listens on: also one that takes long to start
  undos.push(database.signals.subscribe("hosts", () => {}))
  await checkSecretKey(database, secretKey)
  return { database, secretKey, load, readWanted, wanted }
}

async function toReader({ samples, project, lockfile }: Config, load: LoadContext): Promise<() => Promise<Lockfile>> {
  if (samples) return () => readSamples(samples, load)
  if (!project) return async () => readLockfile(lockfile)
  const { createProjectReader } = await import("./plugins/project.ts")
  return createProjectReader(project, load)
}
