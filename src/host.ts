import { dirname, join } from "node:path"
import type { AnyElysia } from "elysia"
import type { Config } from "./config.ts"
import { containForeignCode } from "./containment.ts"
import { systemUser } from "./core/access.ts"
import { openAccounts } from "./core/accounts.ts"
import { openCore } from "./core/core.ts"
import { settleKey } from "./core/key-rotation.ts"
import { checkSecretKey, deriveKey, readSecretKey } from "./core/secret-key.ts"
import { claimDataDir } from "./data-dir.ts"
import { openDatabase } from "./db/database.ts"
import { PagodaError } from "./errors.ts"
import { type ControlActions, openControlLater } from "./http/control.ts"
import { createRouteMeter } from "./http/route-meter.ts"
import { createScope } from "./http/scope.ts"
import { type Server, type ServerOptions, startServer } from "./http/server.ts"
import { registerCleanUp } from "./jobs/clean-up.ts"
import { openJobs } from "./jobs/jobs.ts"
import { createOperations } from "./jobs/operations.ts"
import { openQueue } from "./jobs/queue/open.ts"
import { lazily } from "./lazily.ts"
import type { Log } from "./log.ts"
import { createAdminEvents } from "./plugins/admin-events.ts"
import { createPluginDatabases } from "./plugins/database/databases.ts"
import { createFailures } from "./plugins/failures.ts"
import { installHostModules } from "./plugins/host-modules.ts"
import { attributePlugin } from "./plugins/import.ts"
import { openInstalled } from "./plugins/installed.ts"
import { toJobProgram } from "./plugins/job-process/program.ts"
import { createJobProcesses } from "./plugins/job-process.ts"
import { limitLog } from "./plugins/limit-log.ts"
import { createLimits } from "./plugins/limits.ts"
import type { LoadContext } from "./plugins/load.ts"
import { openLoadingMarks } from "./plugins/loading-marks.ts"
import { type Lockfile, readLockfile } from "./plugins/lockfile.ts"
import type { PluginRecord } from "./plugins/record.ts"
import { createRegistry, type Registry } from "./plugins/registry.ts"
import { createStateWatch } from "./plugins/repairs/states.ts"
import { createRepairs, type Repairs } from "./plugins/repairs.ts"
import { createReplicas } from "./plugins/replicas.ts"
import { readSamples } from "./plugins/samples.ts"
import { createPluginSettings } from "./plugins/settings.ts"
import { createStateChanges } from "./plugins/state-changes.ts"
import { openStore } from "./plugins/store.ts"
import { silent } from "./progress.ts"
import { registerTransfer } from "./transfer/transfer.ts"
import { type Undo, undoAll } from "./undo.ts"

/** A host that answers. */
export type Host = {
  readonly url: string
  /** Makes what runs what the lockfile says now, on every replica. Where it is broken it is refused, and what runs stays. */
  sync(): Promise<void>
  stop(): Promise<void>
}

/** From a lockfile to plugins that answer. */
export function startHost(config: Config, log: Log): Promise<Host> {
  return start(config, log, startServer)
}

/** The same, but nobody can ask it: its plugins run jobs. */
export function startWorker(config: Config, log: Log): Promise<Omit<Host, "url">> {
  return start(config, log, () => ({ url: "", closeSockets() {}, async stop() {} }))
}

/** What was begun is undone backwards, when the host stops or cannot start. */
async function start(config: Config, log: Log, listen: (options: ServerOptions) => Server): Promise<Host> {
  const undos: Undo[] = []
  const stop = async () => {
    for (const error of await undoAll(undos)) log.error("Pagoda did not stop cleanly", { error })
  }
  try {
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
    await checkSecretKey(database, secretKey)

    const accounts = openAccounts({ database, secretKey, log })
    await welcomeAdmin()
    const limits = createLimits()
    const failures = createFailures({ limits, onTooMany: (id, problem) => void quarantine(id, problem) })
    const core = openCore({ database, accounts, log, onHookFailure: failures.add })
    const pluginLog = limitLog(log, limits)
    const operations = createOperations()
    const queue = await openQueue({ url: config.databaseUrl, database, log })
    const users = { get: (id: string) => accounts.getUser(id) }
    const jobs = openJobs({ database, operations, queue, users, log })
    const transfer = registerTransfer({ database, core, users, operations, jobs })
    const meter = createRouteMeter()
    const scope = createScope({
      authenticate: accounts.principal,
      log: pluginLog,
      onPluginFailure: failures.add,
      meter,
    })

    undos.push(containForeignCode(pluginLog, attributePlugin, failures.addLate))
    installHostModules(pluginLog)
    const jobProcesses = createJobProcesses({ program: toJobProgram(config.env, config.dataDir), log: pluginLog })
    undos.push(() => jobProcesses.close())
    const adminEvents = createAdminEvents(database)
    const repairs = createRepairs({ database, log, onChange: (repair) => adminEvents.tell("repair", repair) })
    const tellChanges = createStateChanges(adminEvents.tellHere)
    const states = createStateWatch({ database, repairs, log })
    undos.push(async () => {
      await repairs.begin()
      await states.close()
      await repairs.close()
    })
    const listRepairs: Repairs["list"] = async (user, query) => {
      await states.look()
      return repairs.list(user, query)
    }
    const installed = openInstalled(database)
    const replicas = createReplicas({ database, sync: (retry) => registry.sync(readWanted, retry), log })
    const settings = createPluginSettings({
      database,
      key: deriveKey(secretKey, "plugin-settings"),
      repairs,
      log,
    })
    undos.push(() => settings.close())
    const pages = new Map<string, AnyElysia>()
    const registry = createRegistry({
      choice: config,
      load,
      run: {
        apps: new Map(),
        pages,
        core,
        databases: createPluginDatabases({
          database,
          url: config.databaseUrl,
          dataDir: config.dataDir,
          key: deriveKey(secretKey, "plugin-database"),
          repairs,
        }),
        settings,
        operations,
        jobs,
        jobProcesses,
        scope,
        env: config.env,
        limits,
        failures,
        notify: (plugin, notice) => adminEvents.tell("notice", { plugin, ...notice }),
        pluginLog,
        log,
        onLeave: (id) => server.closeSockets(id),
      },
      installed,
      marks: openLoadingMarks(config.dataDir),
      repairs,
      onSwitch: (id) => replicas.tell(id),
      onSettled(records, pending) {
        tellChanges(records)
        states.settled(records, pending)
      },
    })
    const sync = async () => {
      await registry.sync(readWanted)
      await replicas.tell()
    }
    undos.push(() => registry.close())
    undos.push(() => core.hooks.close())
    const app = lazily(async () => {
      const { createApp } = await import("./http/app.ts")
      const { createLimitSettings } = await import("./plugins/limit-settings.ts")
      const has = (id: string) => registry.get(id) !== undefined
      return createApp({
        accounts,
        core,
        jobs,
        transfer,
        plugins: registry,
        settings,
        limits: createLimitSettings({ installed, limits, has, tell: replicas.tell }),
        adminEvents,
        repairs: { settle: repairs.settle, list: listRepairs },
        syncPlugins: sync,
        onPluginFailure: failures.add,
        meter,
        log,
      })
    })
    const server = listen({ host: config.host, port: config.port, core: app, plugins: registry.apps, pages, log })
    undos.push(() => server.stop())
    undos.push(() => adminEvents.close())

    await registry.sync(async () => wanted)
    refuseFailures(registry.list(), config.strict)
    // a database that blocks gives nobody a turn: who asked meanwhile is answered before jobs begin
    await new Promise((resolve) => setImmediate(resolve))
    undos.push(() => jobs.close({ grace_ms: 10_000 }))
    undos.push(await registerCleanUp({ database, operations, jobs }))
    await jobs.start()
    await core.hooks.start()
    undos.push(replicas.follow())
    void repairs.begin()
    undos.push(openControlLater({ dataDir: config.dataDir, actions: toActions(registry, sync, listRepairs), log }))
    return { url: server.url, sync, stop }

    async function quarantine(id: string, problem: string) {
      try {
        await registry.quarantine(id, problem)
      } catch (error) {
        log.error(`Plugin "${id}" is to be quarantined, but is not: ${problem}`, { plugin: id, error })
      }
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

/** What says which plugins are wanted. */
async function toReader({ samples, project, lockfile }: Config, load: LoadContext): Promise<() => Promise<Lockfile>> {
  if (samples) return () => readSamples(samples, load)
  if (!project) return async () => readLockfile(lockfile)
  const { createProjectReader } = await import("./plugins/project.ts")
  return createProjectReader(project, load)
}

function isOut(state: PluginRecord["state"]): boolean {
  return state === "failed" || state === "quarantined"
}

/** What commands may ask of it. */
function toActions(registry: Registry, sync: () => Promise<void>, listRepairs: Repairs["list"]): ControlActions {
  return {
    async sync() {
      await sync()
      return registry.list()
    },
    setEnabled: ({ id, enabled, ...options }) => registry.setEnabled(id, enabled, options),
    async diagnose() {
      const { results } = await listRepairs(systemUser, { limit: 1000, offset: 0 })
      return { plugins: registry.list(), repairs: results }
    },
  }
}

/** One that is required stops the start; in strict mode every one does. All are named at once. */
function refuseFailures(records: PluginRecord[], isStrict: boolean): void {
  const failed = records.filter(({ state, required }) => isOut(state) && (isStrict || required))
  if (failed.length === 0) return
  const reason = isStrict ? "PAGODA_PLUGINS_STRICT is set" : "they are required"
  const list = failed.map(({ error }) => error?.message).join("; ")
  throw new PagodaError("PLUGIN_FAILED", `Cannot start without ${failed.length} of the plugins (${reason}): ${list}`)
}
