import type { AnyElysia } from "elysia"
import { PagodaError, toPagodaError } from "../errors.ts"
import { type Choice, whyNotWanted } from "./choice.ts"
import { describeActive, describeFailure, describeLocked } from "./describe.ts"
import type { Installed } from "./installed.ts"
import { type LoadContext, type LoadedPlugin, loadPlugin, type Step } from "./load.ts"
import type { LockedPlugin, Lockfile } from "./lockfile.ts"
import { orderPlugins } from "./order.ts"
import type { PluginRecord } from "./record.ts"
import { type RunContext, type RunningPlugin, runPlugin } from "./running.ts"

export type RegistryContext = {
  readonly choice: Choice
  readonly load: LoadContext
  readonly run: RunContext
  readonly installed: Installed
}

/** Every plugin of the lockfile with its state, and the way from one lockfile to the next. */
export type Registry = {
  /** The apps that answer, by plugin id. */
  readonly apps: ReadonlyMap<string, AnyElysia>
  /** `true` once the first `sync` is done. */
  readonly settled: boolean
  list(): PluginRecord[]
  get(id: string): PluginRecord | undefined
  /** Makes what runs what the lockfile says. A plugin that fails becomes a record; it keeps no other from running. */
  sync(lockfile: Lockfile): Promise<void>
  setEnabled(id: string, enabled: boolean): Promise<PluginRecord>
  /** Every plugin leaves, the last that came first. */
  close(): Promise<void>
}

type Fresh = { loaded: LoadedPlugin; load_ms: number }

export function createRegistry({ choice, load, run, installed }: RegistryContext): Registry {
  const running = new Map<string, RunningPlugin>()
  const records = new Map<string, PluginRecord>()
  let current: Lockfile = { lockfileVersion: 1, plugins: {} }
  let settled = false
  let turn: Promise<unknown> = Promise.resolve()

  /** One change at a time. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }

  const disable = (id: string, locked: LockedPlugin, reason: string) => {
    records.set(id, describeLocked(id, locked, { state: "disabled", reason }))
  }

  /** What fails while an older version runs leaves that one running. */
  const fail = (id: string, locked: LockedPlugin, step: Step, thrown: unknown) => {
    const error = describeFailure(step, thrown)
    run.log.error(error.message, { plugin: id, step, code: error.code, cause: toPagodaError(thrown)?.cause })
    if (!running.has(id)) records.set(id, describeLocked(id, locked, { state: "failed", error }))
  }

  const leave = async (id: string) => {
    await running.get(id)?.leave()
    running.delete(id)
    records.delete(id)
  }

  const choose = async (): Promise<Map<string, LockedPlugin>> => {
    const disabled = await installed.disabled()
    const wanted = new Map<string, LockedPlugin>()
    for (const [id, locked] of Object.entries(current.plugins)) {
      const reason = whyNotWanted(id, choice) ?? (disabled.has(id) ? "an administrator disabled it" : undefined)
      if (reason) {
        await leave(id)
        disable(id, locked, reason)
      } else wanted.set(id, locked)
    }
    for (const id of [...running.keys(), ...records.keys()]) if (!Object.hasOwn(current.plugins, id)) await leave(id)
    return wanted
  }

  const loadChanged = async (wanted: Map<string, LockedPlugin>): Promise<Map<string, Fresh>> => {
    const fresh = new Map<string, Fresh>()
    const loadOne = async ([id, locked]: [string, LockedPlugin]) => {
      const started = performance.now()
      let step: Step = "fetch"
      try {
        const loaded = await loadPlugin(id, locked, load, (next) => {
          step = next
        })
        fresh.set(id, { loaded, load_ms: performance.now() - started })
      } catch (error) {
        fail(id, locked, step, error)
      }
    }
    const changed = [...wanted].filter(([id, locked]) => !Bun.deepEquals(running.get(id)?.loaded.locked, locked))
    await Promise.all(changed.map(loadOne))
    return fresh
  }

  const start = async ({ loaded, load_ms }: Fresh) => {
    const { id, locked, definition } = loaded
    await leave(id)
    let step: Step = "check"
    try {
      const missing = Object.keys(definition.dependencies ?? {}).find((other) => !running.has(other))
      if (missing !== undefined) {
        throw new PagodaError("DEPENDENCY_FAILED", `Cannot load plugin "${id}": it needs "${missing}", which failed`)
      }
      const plugin = await runPlugin(loaded, run, (next) => {
        step = next
      })
      running.set(id, plugin)
      records.set(id, describeActive(plugin, load_ms))
    } catch (error) {
      fail(id, locked, step, error)
    }
  }

  const reconcile = async () => {
    const wanted = await choose()
    const fresh = await loadChanged(wanted)
    const candidates = new Map<string, LoadedPlugin>()
    for (const id of wanted.keys()) {
      const loaded = fresh.get(id)?.loaded ?? running.get(id)?.loaded
      if (loaded) candidates.set(id, loaded)
    }
    const { ordered, refused } = orderPlugins(
      [...candidates.values()].map(({ definition }) => ({
        ...definition,
        dependencies: definition.dependencies ?? {},
      })),
      (id) => (records.has(id) ? `is ${records.get(id)?.state}` : "is not in the lockfile"),
    )
    for (const [id, locked] of wanted) {
      const error = refused.get(id)
      if (!error) continue
      await leave(id)
      fail(id, locked, "check", error)
    }
    for (const id of ordered) {
      const plugin = fresh.get(id)
      if (plugin) await start(plugin)
    }
    await installed.record([...running.values()].map(({ loaded }) => loaded.definition))
    settled = true
  }

  return {
    apps: run.apps,
    get settled() {
      return settled
    },
    list: () => [...records.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    get: (id) => records.get(id),
    sync: (lockfile) =>
      inTurn(() => {
        current = lockfile
        return reconcile()
      }),
    setEnabled: (id, enabled) =>
      inTurn(async () => {
        if (Object.hasOwn(current.plugins, id)) {
          await installed.setEnabled(id, enabled)
          await reconcile()
        }
        const record = records.get(id)
        if (record) return record
        throw new PagodaError("NOT_FOUND", `There is no plugin "${id}" in the lockfile`)
      }),
    close: () =>
      inTurn(async () => {
        for (const id of [...running.keys()].reverse()) await leave(id)
      }),
  }
}
