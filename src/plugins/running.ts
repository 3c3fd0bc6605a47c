import type { Api, JobDefinition, Notice, User } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import type { Core } from "../core/core.ts"
import { PagodaError, toMessage, toPagodaError } from "../errors.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operations } from "../jobs/operations.ts"
import type { Log } from "../log.ts"
import { type Undo, undoAll } from "../undo.ts"
import { createApiFor } from "./api.ts"
import type { ApiCore } from "./api-data.ts"
import { createDatabaseApi } from "./api-db.ts"
import { type Calls, createCalls } from "./calls.ts"
import type { CheckedPlugin } from "./check.ts"
import type { PluginDatabases } from "./database/databases.ts"
import { toMigrations } from "./database/migrations.ts"
import type { Failures } from "./failures.ts"
import { describeHooks, toHooks } from "./hooks.ts"
import { forgetBundle, stopTimers } from "./import.ts"
import type { JobProcesses } from "./job-process.ts"
import { createJobRegister, type Stage } from "./job-register.ts"
import type { Limits } from "./limits.ts"
import type { LoadedPlugin, OnStep, Step } from "./load.ts"
import { createPluginApp, type Scope, showSettings } from "./mount.ts"
import { mountPages } from "./mount-pages.ts"
import { toOverrides } from "./overrides.ts"
import { patience, within } from "./patience.ts"
import type { PluginHook } from "./record.ts"
import { createRegistrations, type Registrations } from "./registrations.ts"
import { createTeller } from "./settings/tell.ts"
import type { PluginSettings, Settings } from "./settings.ts"

export type RunContext = {
  readonly apps: Map<string, AnyElysia>
  /** Those of the pages of plugins that have any. */
  readonly pages: Map<string, AnyElysia>
  readonly operations: Operations
  readonly jobs: Jobs
  readonly jobProcesses: JobProcesses
  readonly core: ApiCore & Pick<Core, "overrides">
  readonly databases: PluginDatabases
  readonly settings: PluginSettings
  readonly scope: Scope
  readonly env: Readonly<Record<string, string | undefined>>
  readonly limits: Limits
  /** What plugins say: no more lines of one than it may write. */
  readonly pluginLog: Log
  readonly failures: Failures
  /** Told to administrators. */
  notify(id: string, notice: Notice): Promise<void>
  readonly log: Log
  /** Told when a plugin answers no more: what is still open to it can be closed. */
  onLeave(id: string): void
}

/** A version of a plugin that answers. */
export type RunningPlugin = {
  readonly loaded: LoadedPlugin
  readonly app: AnyElysia
  readonly registrations: Registrations
  /** With what became of their calls until now. */
  hooks(): PluginHook[]
  /** Answers nothing new; what runs in it goes on. */
  withdraw(): void
  /** Lets what runs end, then takes back all that it did, in reverse. Never throws. */
  leave(): Promise<void>
}

/**
 * Prepares a plugin beside the older version of it, which answers until this one does. If a step throws, what came before
 * it is taken back and the older one goes on; else the caller lets that one leave.
 */
export async function runPlugin(
  loaded: LoadedPlugin,
  context: RunContext,
  onStep: OnStep,
  older?: RunningPlugin,
): Promise<RunningPlugin> {
  const { id, definition, locked, source } = loaded
  const { core, databases, operations, jobs, jobProcesses, scope, env, log } = context
  const undos: Undo[] = [() => forgetBundle(loaded.bundle), () => leaveTimers(loaded, log)]
  const registrations = createRegistrations()
  const calls = createCalls()
  let stage: Stage = "coming"
  const withdraw = () => {
    stage = "leaving"
    tellUnclean(registrations.withdraw())
  }
  const leave = async () => {
    withdraw()
    const left = await calls.leave(patience.leave)
    if (left > 0) log.warn(`Plugin "${id}" leaves although ${left} calls of it have not ended`, { plugin: id, left })
    tellUnclean(await undoAll(undos))
  }
  let step: Step = "migrate"
  const begin = (next: Step) => {
    step = next
    onStep(next)
  }
  try {
    begin("migrate")
    const granted = new Set(locked.permissions)
    const database = databases.open(id)
    undos.push(() => database.close())
    const { migrations = [] } = definition
    if (migrations.length > 0) await database.migrate(toMigrations(migrations, database.dialect))
    begin("mount")
    const settings = await context.settings.open(id, definition.settings)
    undos.push(() => settings.close())
    const first = settings.current
    const db = await createDatabaseApi(database, { id, granted })
    const { files } = source
    const limits = context.limits.of(id)
    const onFailure = (error: unknown) => context.failures.add(id, error)
    const notify = (notice: Notice) => context.notify(id, notice)
    const own = { id, granted, settings, files, limits, notify, log: context.pluginLog }
    const register = (number: number, job: JobDefinition) => void jobRegister.add(number, job, handlers.work(number))
    const apiFor = createApiFor({ ...own, core, db, jobs, operations, register, env })
    const ofJobs = { id, operations, registrations, granted, apiFor, onFailure }
    const jobRegister = createJobRegister({ ...ofJobs, hasOlder: older !== undefined, stage: () => stage })
    const handlers = jobProcesses.add({
      bundle: loaded.bundle,
      api: apiFor(null),
      database: { dialect: database.dialect, isGranted: granted.has("db") },
      register: jobRegister.addElsewhere,
    })
    undos.push(() => handlers.leave())
    const mounting = { scope, settings: first, apiFor, calls, limits }
    const app = createPluginApp(definition, mounting)
    const pages = await mountPages(definition, mounting, files)
    for (const [number, job] of Object.entries(definition.jobs ?? {})) register(Number(number), job as JobDefinition)
    begin("initialize")
    await within(patience.initialize, id, "initialize", async () => definition.initialize?.(apiFor(null)))
    undos.push(() => within(patience.dispose, id, "dispose", async () => definition.dispose?.()))
    const tell = createTeller(definition, { log, onFailure })
    const tellAll = (next: Settings) => {
      for (const each of pages ? [app, pages] : [app]) showSettings(each, next)
      tell(next)
      handlers.tellSettings(next)
    }
    undos.push(settings.follow(first, tellAll))
    begin("run")
    addToHost(registrations, { definition, apiFor, calls, app, pages }, context)
    takeOver(registrations, older?.registrations)
    stage = "there"
    context.failures.forget(id)
    const countsOfHooks = () => core.hooks.counts().filter(({ plugin }) => plugin === id)
    const hooks = () => describeHooks(definition.hooks ?? [], countsOfHooks())
    return { loaded, app, registrations, hooks, withdraw, leave }
  } catch (error) {
    await leave()
    throw toFailure(id, step, error)
  }

  function tellUnclean(errors: unknown[]): void {
    for (const error of errors) log.error(`Plugin "${id}" did not leave cleanly`, { plugin: id, error })
  }
}

type Answering = {
  readonly definition: CheckedPlugin
  readonly calls: Calls
  readonly app: AnyElysia
  readonly pages: AnyElysia | undefined
  apiFor(user: User | null): Api
}

/** What begins when this version takes the place of the older one. */
function addToHost(registrations: Registrations, plugin: Answering, { apps, pages, core, onLeave }: RunContext): void {
  const { definition, apiFor, calls } = plugin
  const { id } = definition
  for (const hook of toHooks(definition, apiFor, calls)) registrations.add(() => core.hooks.register(hook))
  for (const [operation, run] of toOverrides(definition, apiFor, calls)) {
    registrations.add(() => core.overrides.register(id, operation, run))
  }
  registrations.add(() => {
    apps.set(id, plugin.app)
    if (plugin.pages) pages.set(id, plugin.pages)
    return () => {
      apps.delete(id)
      pages.delete(id)
      onLeave(id)
    }
  })
}

/** In one synchronous step. Where the new ones cannot begin, the old ones are there as before. */
function takeOver(next: Registrations, before: Registrations | undefined): void {
  before?.withdraw()
  try {
    next.enter()
  } catch (error) {
    next.withdraw()
    before?.enter()
    throw error
  }
}

/** What would go on after its plugin has left is stopped, and told. */
function leaveTimers({ id, bundle }: LoadedPlugin, log: Log): void {
  const left = stopTimers(bundle)
  if (left.length === 0) return
  log.warn(`Plugin "${id}" left ${left.join(" and ")} behind: stopped; end them in "dispose"`, { plugin: id })
}

/** Whatever foreign code threw, as an error that names the plugin. */
function toFailure(id: string, step: Step, thrown: unknown): PagodaError {
  const ours = toPagodaError(thrown)
  if (ours?.message.includes(`"${id}"`)) return ours
  const message = `Cannot ${step} plugin "${id}": ${ours ? "" : "it threw: "}${toMessage(thrown)}`
  return new PagodaError(ours?.code ?? "PLUGIN_FAILED", message, { plugin: id, cause: ours?.cause ?? thrown })
}
