import type { JobDefinition, Notice } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import type { Core } from "../core/core.ts"
import { PagodaError, toMessage, toPagodaError } from "../errors.ts"
import { InterruptedError } from "../jobs/interruption.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operations } from "../jobs/operations.ts"
import type { Log } from "../log.ts"
import { type Undo, undoAll } from "../undo.ts"
import { createApiFor } from "./api.ts"
import type { ApiCore } from "./api-data.ts"
import { createDatabaseApi } from "./api-db.ts"
import { createCalls } from "./calls.ts"
import { jobProblems } from "./check.ts"
import type { PluginDatabases } from "./database/databases.ts"
import { toMigrations } from "./database/migrations.ts"
import type { Failures } from "./failures.ts"
import { describeHooks, toHooks } from "./hooks.ts"
import { forgetBundle, stopTimers } from "./import.ts"
import type { Work } from "./job-process/task.ts"
import type { JobProcesses } from "./job-process.ts"
import type { Limits } from "./limits.ts"
import type { LoadedPlugin, OnStep, Step } from "./load.ts"
import { createPluginApp, type Scope, showSettings } from "./mount.ts"
import { mountPages } from "./mount-pages.ts"
import { toOperation } from "./operation.ts"
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
  const { apps, core, databases, operations, jobs, jobProcesses, scope, env, log } = context
  const undos: Undo[] = [() => forgetBundle(loaded.bundle), () => leaveTimers(loaded, log)]
  const registrations = createRegistrations()
  const calls = createCalls()
  let state: "coming" | "there" | "leaving" = "coming"
  const withdraw = () => {
    state = "leaving"
    tellUnclean(registrations.withdraw())
  }
  const leave = async () => {
    withdraw()
    const left = await calls.idle(patience.leave)
    if (left > 0) log.warn(`Plugin "${id}" leaves although ${left} calls of it have not ended`, { plugin: id, left })
    tellUnclean(await undoAll(undos))
  }
  let step: Step = "migrate"
  try {
    onStep(step)
    const granted = new Set(locked.permissions)
    const database = databases.open(id)
    undos.push(() => database.close())
    const { migrations = [] } = definition
    if (migrations.length > 0) await database.migrate(toMigrations(migrations, database.dialect))
    step = "mount"
    onStep(step)
    const settings = await context.settings.open(id, definition.settings)
    undos.push(() => settings.close())
    const first = settings.current
    const db = await createDatabaseApi(database, { id, granted })
    const { files } = source
    const limits = context.limits.of(id)
    const onFailure = (error: unknown) => context.failures.add(id, error)
    const notify = (notice: Notice) => context.notify(id, notice)
    const own = { id, granted, settings, files, limits, notify, log: context.pluginLog }
    const apiFor = createApiFor({ ...own, core, db, jobs, operations, register, env })
    const handlers = jobProcesses.add({
      bundle: loaded.bundle,
      api: apiFor(null),
      database: { dialect: database.dialect, isGranted: granted.has("db") },
      register: registerElsewhere,
    })
    undos.push(() => handlers.leave())
    const mounting = { scope, settings: first, apiFor, calls, limits }
    const app = createPluginApp(definition, mounting)
    const pages = await mountPages(definition, mounting, files)
    for (const [number, job] of Object.entries(definition.jobs ?? {})) register(Number(number), job as JobDefinition)
    step = "initialize"
    onStep(step)
    await within(patience.initialize, id, "initialize", async () => definition.initialize?.(apiFor(null)))
    undos.push(() => within(patience.dispose, id, "dispose", async () => definition.dispose?.()))
    const tell = createTeller(definition, { log, onFailure: (error) => context.failures.add(id, error) })
    const tellAll = (next: Settings) => {
      for (const each of pages ? [app, pages] : [app]) showSettings(each, next)
      tell(next)
      handlers.tellSettings(next)
    }
    undos.push(settings.follow(first, tellAll))
    step = "run"
    onStep(step)
    for (const hook of toHooks(definition, apiFor, calls)) registrations.add(() => core.hooks.register(hook))
    for (const [operation, run] of toOverrides(definition, apiFor, calls)) {
      registrations.add(() => core.overrides.register(id, operation, run))
    }
    registrations.add(() => {
      apps.set(id, app)
      if (pages) context.pages.set(id, pages)
      return () => {
        apps.delete(id)
        context.pages.delete(id)
        context.onLeave(id)
      }
    })
    takeOver(registrations, older?.registrations)
    state = "there"
    const hooks = () =>
      describeHooks(
        definition.hooks ?? [],
        core.hooks.counts().filter(({ plugin }) => plugin === id),
      )
    return { loaded, app, registrations, hooks, withdraw, leave }

    function register(number: number, job: JobDefinition): void {
      addOperation(number, job, handlers.work(number))
    }

    function registerElsewhere(number: number, job: Omit<JobDefinition, "run">, work: Work): Undo | undefined {
      if (operations.get(number)?.plugin === id) return undefined
      const run = async () => {
        throw new InterruptedError("The job process that registered its operation has ended")
      }
      for (const problem of jobProblems(String(number), { ...job, run })) {
        throw new PagodaError("PLUGIN_INVALID", `Plugin "${id}" cannot register a job: ${problem}`, { plugin: id })
      }
      return addOperation(number, { ...job, run }, work)
    }

    function addOperation(number: number, job: JobDefinition, work: Work): Undo {
      if (state === "leaving")
        throw new PagodaError("PLUGIN_FAILED", `Plugin "${id}" has left: it cannot register job ${number}`)
      const operation = { ...toOperation(id, number, job, { apiFor, work }), onFailure, system: granted.has("system") }
      // a number of the older version stays with it until that leaves; others are there for `initialize` already
      const isOlders = state === "coming" && older && operations.get(number)?.plugin === id
      return registrations.add(() => operations.register(operation), isOlders ? undefined : "now")
    }
  } catch (error) {
    await leave()
    throw toFailure(id, step, error)
  }

  function tellUnclean(errors: unknown[]): void {
    for (const error of errors) log.error(`Plugin "${id}" did not leave cleanly`, { plugin: id, error })
  }
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
