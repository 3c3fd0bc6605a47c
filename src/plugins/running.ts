import type { JobDefinition } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import type { Core } from "../core/core.ts"
import { PagodaError, toMessage, toPagodaError } from "../errors.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operations } from "../jobs/operations.ts"
import type { Log } from "../log.ts"
import { type Undo, undoAll } from "../undo.ts"
import { createApiFor } from "./api.ts"
import type { ApiCore } from "./api-data.ts"
import { defaultSettings } from "./check.ts"
import { describeHooks, toHooks } from "./hooks.ts"
import { forgetBundle } from "./import.ts"
import type { LoadedPlugin, OnStep, Step } from "./load.ts"
import { createPluginApp, type Scope } from "./mount.ts"
import { toOperation } from "./operation.ts"
import { toOverrides } from "./overrides.ts"
import type { PluginHook } from "./record.ts"

/** How long a plugin's `initialize` and `dispose` may take, in milliseconds. */
const patience = { initialize: 20_000, dispose: 5_000 }

export type RunContext = {
  readonly apps: Map<string, AnyElysia>
  readonly operations: Operations
  readonly jobs: Jobs
  readonly core: ApiCore & Pick<Core, "overrides">
  readonly scope: Scope
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** Told when a plugin answers no more: what is still open to it can be closed. */
  onLeave(id: string): void
}

/** A plugin that answers. `leave` takes back all that it registered, in reverse, and never throws. */
export type RunningPlugin = {
  readonly loaded: LoadedPlugin
  readonly app: AnyElysia
  /** With what became of their calls until now. */
  hooks(): PluginHook[]
  leave(): Promise<void>
}

/** Mounts a plugin; if a step throws, what came before it is taken back. */
export async function runPlugin(loaded: LoadedPlugin, context: RunContext, onStep: OnStep): Promise<RunningPlugin> {
  const { id, definition, locked, source } = loaded
  const { apps, core, operations, jobs, scope, env, log } = context
  const undos: Undo[] = [() => forgetBundle(loaded.bundle)]
  const leave = async () => {
    for (const error of await undoAll(undos)) log.error(`Plugin "${id}" did not leave cleanly`, { plugin: id, error })
  }
  let step: Step = "mount"
  try {
    onStep(step)
    const settings = defaultSettings(definition)
    const granted = new Set(locked.permissions)
    const apiFor = createApiFor({ id, granted, settings, files: source.files, core, jobs, operations, env, log })
    const app = createPluginApp(definition, { scope, settings, apiFor })
    for (const [number, job] of Object.entries(definition.jobs ?? {})) {
      undos.push(operations.register(toOperation(id, Number(number), job as JobDefinition, apiFor)))
    }
    step = "initialize"
    onStep(step)
    await within(patience.initialize, id, "initialize", async () => definition.initialize?.(apiFor(null)))
    undos.push(() => within(patience.dispose, id, "dispose", async () => definition.dispose?.()))
    for (const hook of toHooks(definition, apiFor)) undos.push(core.hooks.register(hook))
    for (const [operation, run] of toOverrides(definition, apiFor)) {
      undos.push(core.overrides.register(id, operation, run))
    }
    apps.set(id, app)
    undos.push(() => {
      apps.delete(id)
      context.onLeave(id)
    })
    const hooks = () =>
      describeHooks(
        definition.hooks ?? [],
        core.hooks.counts().filter(({ plugin }) => plugin === id),
      )
    return { loaded, app, hooks, leave }
  } catch (error) {
    await leave()
    throw toFailure(id, step, error)
  }
}

/** Whatever foreign code threw, as an error that names the plugin. */
function toFailure(id: string, step: Step, thrown: unknown): PagodaError {
  const ours = toPagodaError(thrown)
  if (ours?.message.includes(`"${id}"`)) return ours
  const message = `Cannot ${step} plugin "${id}": ${ours ? "" : "it threw: "}${toMessage(thrown)}`
  return new PagodaError(ours?.code ?? "PLUGIN_FAILED", message, { plugin: id, cause: ours?.cause ?? thrown })
}

async function within(
  milliseconds: number,
  id: string,
  what: "initialize" | "dispose",
  work: () => Promise<unknown>,
): Promise<void> {
  const failed = (problem: string, cause?: unknown) => {
    const code = what === "initialize" ? "INITIALIZE_FAILED" : "PLUGIN_FAILED"
    return new PagodaError(code, `Cannot ${what} plugin "${id}": ${problem}`, { plugin: id, cause })
  }
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failed(`it took more than ${milliseconds / 1000} s`)), milliseconds)
  })
  try {
    await Promise.race([work(), late])
  } catch (cause) {
    throw cause instanceof PagodaError ? cause : failed(`it threw: ${toMessage(cause)}`, cause)
  } finally {
    clearTimeout(timer)
  }
}
