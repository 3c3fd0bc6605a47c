import type { Config } from "./config.ts"
import { containForeignCode } from "./containment.ts"
import { systemUser } from "./core/access.ts"
import { type Accounts, openAccounts } from "./core/accounts.ts"
import { openCore } from "./core/core.ts"
import { openData } from "./data.ts"
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
import { createGuard } from "./plugins/guard.ts"
import { installHostModules } from "./plugins/host-modules.ts"
import { attributePlugin } from "./plugins/import.ts"
import { openPlugins, type Plugins } from "./plugins/plugins.ts"
import type { PluginRecord } from "./plugins/record.ts"
import { registerTransfer } from "./transfer/transfer.ts"
import { type Undo, undoAll } from "./undo.ts"

/** A host that answers. */
export type Host = {
  readonly url: string
  /** Makes what runs what the lockfile says now, on every replica. Where it is broken it is refused, and what runs stays. */
  sync(): Promise<void>
  stop(): Promise<void>
}

/** How long jobs let those go first who asked while plugins were loaded, in milliseconds. */
const firstTurn = 2
/** How long jobs may take to end when the host stops, in milliseconds. */
const jobGrace = 10_000

/** From a lockfile to plugins that answer. */
export function startHost(config: Config, log: Log): Promise<Host> {
  return start(config, log, startServer)
}

/** The same, but nobody can ask it: its plugins run jobs. */
export function startWorker(config: Config, log: Log): Promise<Omit<Host, "url">> {
  return start(config, log, () => ({ url: "", leave() {}, async stop() {} }))
}

/** What was begun is undone backwards, when the host stops or cannot start. */
async function start(config: Config, log: Log, listen: (options: ServerOptions) => Server): Promise<Host> {
  const undos: Undo[] = []
  const stop = async () => {
    for (const error of await undoAll(undos)) log.error("Pagoda did not stop cleanly", { error })
  }
  try {
    const { wanted, ...data } = await openData(config, log, undos)
    const { database, secretKey } = data
    const accounts = openAccounts({ database, secretKey, log })
    await welcomeAdmin(accounts, config)

    const guard = createGuard(log)
    const { failures } = guard
    const core = openCore({ database, accounts, log, onHookFailure: failures.add })
    const { users } = core
    const operations = createOperations()
    const queue = await openQueue({ url: config.databaseUrl, database, log })
    const jobs = openJobs({ database, operations, queue, users, log })
    const transfer = registerTransfer({ database, core, users, operations, jobs })

    undos.push(containForeignCode(guard.log, attributePlugin, failures.addLate))
    installHostModules(guard.log)
    const meter = createRouteMeter()
    const { principal: authenticate } = accounts
    const scope = createScope({ authenticate, log: guard.log, onPluginFailure: failures.add, meter })
    const onLeave = (id: string) => server.leave(id)
    const plugins = openPlugins({ ...data, config, core, operations, jobs, scope, guard, log, onLeave })
    undos.push(() => plugins.close())
    undos.push(() => core.hooks.close())

    const { registry, pages, settings, repairs, adminEvents, sync } = plugins
    const app = lazily(async () => {
      const { createApp } = await import("./http/app.ts")
      const limits = await plugins.openLimits()
      const ofPlugins = { plugins: registry, settings, limits, repairs, adminEvents, syncPlugins: sync }
      return createApp({ accounts, core, jobs, transfer, ...ofPlugins, onPluginFailure: failures.add, meter, log })
    })
    const server = listen({ host: config.host, port: config.port, core: app, plugins: registry.apps, pages, log })
    undos.push(() => server.stop())
    undos.push(() => adminEvents.close())

    await registry.sync(async () => wanted)
    refuseFailures(registry.list(), config.strict)
    // a database that blocks gives nobody a turn
    await Bun.sleep(firstTurn)
    undos.push(() => jobs.close({ grace_ms: jobGrace }))
    undos.push(await registerCleanUp({ database, operations, jobs }))
    await jobs.start()
    await core.hooks.start()
    plugins.follow()
    undos.push(openControlLater({ dataDir: config.dataDir, actions: toActions(plugins), log }))
    return { url: server.url, sync, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function welcomeAdmin(accounts: Accounts, { adminUsername: username, adminPassword: password }: Config) {
  const admin = await accounts.ensureAdmin({ username, password })
  if (!admin?.password) return
  // not a line of the log: it is said once, whatever the log's level is
  process.stderr.write(`The first user is "${admin.username}", with the password ${admin.password}\n`)
}

/** What commands may ask of it. */
function toActions({ registry, repairs, sync }: Plugins): ControlActions {
  return {
    async sync() {
      await sync()
      return registry.list()
    },
    setEnabled: ({ id, enabled, ...options }) => registry.setEnabled(id, enabled, options),
    async diagnose() {
      const { results } = await repairs.list(systemUser, { limit: 1000, offset: 0 })
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

function isOut(state: PluginRecord["state"]): boolean {
  return state === "failed" || state === "quarantined"
}
