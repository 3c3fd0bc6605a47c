import { dirname, join } from "node:path"
import type { Config } from "./config.ts"
import { containForeignCode } from "./containment.ts"
import { openAccounts } from "./core/accounts.ts"
import { openCore } from "./core/core.ts"
import { checkSecretKey, deriveKey, readSecretKey } from "./core/secret-key.ts"
import { claimDataDir } from "./data-dir.ts"
import { openDatabase } from "./db/database.ts"
import { PagodaError } from "./errors.ts"
import { createScope } from "./http/scope.ts"
import { startServer } from "./http/server.ts"
import { openJobs } from "./jobs/jobs.ts"
import { createOperations } from "./jobs/operations.ts"
import { createSqliteQueue } from "./jobs/queue/sqlite.ts"
import { lazily } from "./lazily.ts"
import type { Log } from "./log.ts"
import { installHostModules } from "./plugins/host-modules.ts"
import { attributePlugin } from "./plugins/import.ts"
import { openInstalled } from "./plugins/installed.ts"
import type { LoadContext } from "./plugins/load.ts"
import { readLockfile } from "./plugins/lockfile.ts"
import type { PluginRecord } from "./plugins/record.ts"
import { createRegistry } from "./plugins/registry.ts"
import { readSamples } from "./plugins/samples.ts"
import { openStore } from "./plugins/store.ts"
import { silent } from "./progress.ts"
import { type Undo, undoAll } from "./undo.ts"

/** A host that answers. */
export type Host = {
  readonly url: string
  /** Reads the lockfile again and makes what runs what it says. Where it is broken it is refused, and what runs stays. */
  sync(): Promise<void>
  stop(): Promise<void>
}

/** From a lockfile to plugins that answer. What was begun is undone backwards, when the host stops or cannot start. */
export async function startHost(config: Config, log: Log): Promise<Host> {
  const undos: Undo[] = []
  const stop = async () => {
    for (const error of await undoAll(undos)) log.error("Pagoda did not stop cleanly", { error })
  }
  try {
    undos.push(claimDataDir(config.dataDir))
    const secretKey = await readSecretKey(config)
    const load: LoadContext = {
      store: openStore(join(config.dataDir, "store"), deriveKey(secretKey, "store")),
      folder: dirname(config.lockfile),
      offline: config.offline,
      progress: silent,
      unverified: config.samples !== undefined,
    }
    const readWanted = () => (config.samples ? readSamples(config.samples, load) : readLockfile(config.lockfile))
    const wanted = await readWanted()

    const database = await openDatabase({ url: config.databaseUrl, file: join(config.dataDir, "pagoda.db") })
    undos.push(() => database.close())
    await database.migrate()
    await checkSecretKey(database, secretKey)

    const accounts = openAccounts({ database, secretKey, log })
    await welcomeAdmin()
    const core = openCore({ database, accounts, log })
    const operations = createOperations()
    const queue = createSqliteQueue({ file: join(config.dataDir, "queue.db"), log })
    const users = { get: (id: string) => accounts.getUser(id) }
    const jobs = openJobs({ database, operations, queue, users, log })
    const scope = createScope({ authenticate: accounts.principal, log })

    undos.push(containForeignCode(log, attributePlugin))
    installHostModules(log)
    const registry = createRegistry({
      choice: config,
      load,
      run: {
        apps: new Map(),
        core: { ...core, users },
        operations,
        jobs,
        scope,
        env: config.env,
        log,
        onLeave: (id) => server.closeSockets(id),
      },
      installed: openInstalled(database),
    })
    undos.push(() => registry.close())
    undos.push(() => core.hooks.close())
    const app = lazily(async () => {
      const { createApp } = await import("./http/app.ts")
      return createApp({ accounts, core, jobs, plugins: registry, log })
    })
    const server = startServer({ host: config.host, port: config.port, core: app, plugins: registry.apps, log })
    undos.push(() => server.stop())

    await registry.sync(wanted)
    refuseFailures(registry.list(), config.strict)
    undos.push(() => jobs.close({ grace_ms: 10_000 }))
    await jobs.start()
    await core.hooks.start()
    return {
      url: server.url,
      sync: async () => registry.sync(await readWanted()),
      stop,
    }

    async function welcomeAdmin() {
      const { adminUsername: username, adminPassword: password } = config
      const admin = await accounts.ensureAdmin({ username, password })
      if (!admin?.password) return
      // not a line of the log: it is said once, whatever the log's level is
      process.stderr.write(`The first user is "${admin.username}", with the password ${admin.password}\n`)
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** One that is required stops the start; in strict mode every one does. All are named at once. */
function refuseFailures(records: PluginRecord[], isStrict: boolean): void {
  const failed = records.filter(({ state, required }) => state === "failed" && (isStrict || required))
  if (failed.length === 0) return
  const reason = isStrict ? "PAGODA_PLUGINS_STRICT is set" : "they are required"
  const list = failed.map(({ error }) => error?.message).join("; ")
  throw new PagodaError("PLUGIN_FAILED", `Cannot start without ${failed.length} of the plugins (${reason}): ${list}`)
}
