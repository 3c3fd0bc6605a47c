import type { AnyElysia } from "elysia"
import { PagodaError } from "../errors.ts"
import type { Choice } from "./choice.ts"
import type { ReportRepair } from "./database/repair.ts"
import { findDependents, orderRunning } from "./dependents.ts"
import type { By, Installed } from "./installed.ts"
import type { LoadContext } from "./load.ts"
import type { LoadingMarks } from "./loading-marks.ts"
import type { Lockfile } from "./lockfile.ts"
import { createQuarantines } from "./quarantines.ts"
import { createReconcile, type Retry } from "./reconcile.ts"
import type { PluginRecord } from "./record.ts"
import { createRoster } from "./roster.ts"
import type { RunContext, RunningPlugin } from "./running.ts"
import { createStepWatch } from "./step-watch.ts"

export type RegistryContext = {
  readonly choice: Choice
  readonly load: LoadContext
  readonly run: RunContext
  readonly installed: Installed
  readonly marks: LoadingMarks
  readonly repairs: ReportRepair
  /** Told of every change that others who share the database should take as well, and which plugin it was. */
  onSwitch?(id: string): Promise<void>
  /** Told of every lockfile that is not the first one. */
  onLockfile?(before: Lockfile, after: Lockfile): void
  /** Told after every change, when each plugin is what it is to be; and what each asks for that was not granted. */
  onSettled?(records: readonly PluginRecord[], pending: ReadonlyMap<string, readonly string[]>): void
}

export type SwitchOptions = {
  readonly by: By
  /** Also disables those that need it. */
  readonly force?: boolean | undefined
}

/** Every plugin of the lockfile with its state, and the way from one lockfile to the next. */
export type Registry = {
  /** The apps that answer, by plugin id. */
  readonly apps: ReadonlyMap<string, AnyElysia>
  /** `true` once the first `sync` is done. */
  readonly settled: boolean
  list(): PluginRecord[]
  get(id: string): PluginRecord | undefined
  /**
   * Makes what runs what the lockfile says, without a gap. A plugin that fails becomes a record; it keeps no other from
   * running, nor an older version of itself. What failed is tried again where `retry` says so.
   */
  sync(read: () => Promise<Lockfile>, retry?: Retry): Promise<void>
  /**
   * @throws NOT_FOUND, PLUGIN_NEEDED where others need what is to be disabled, DEPENDENCY_FAILED where what is to be
   * enabled needs another one
   */
  setEnabled(id: string, enabled: boolean, options: SwitchOptions): Promise<PluginRecord>
  /** Takes out what failed too often, until it is enabled again or another version of it comes. */
  quarantine(id: string, problem: string): Promise<void>
  /** Every plugin leaves, the last that came first. */
  close(): Promise<void>
}

export function createRegistry(context: RegistryContext): Registry {
  const { choice, load, run, installed, marks, repairs } = context
  const roster = createRoster({ log: run.log, repairs })
  const { running, records } = roster
  const quarantines = createQuarantines({ installed, marks, isUnverified: load.unverified })
  const reconcileWith = createReconcile({ choice, load, run, installed, roster, marks, quarantines })
  const stepWatch = createStepWatch(repairs)
  let current: Lockfile = { lockfileVersion: 1, plugins: {} }
  let settled = false
  let turn: Promise<unknown> = Promise.resolve()

  /** One change at a time. What leaves is waited for afterwards: it may take its time, and the next change none. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.catch(() => {})
    try {
      return await done
    } finally {
      await roster.departed()
    }
  }

  const reconcile = async (retry: Retry) => {
    const started = await reconcileWith(current, retry)
    const definitionOf = (id: string) => running.get(id)?.loaded.definition ?? []
    const stored = await installed.record([...started].flatMap(definitionOf))
    stepWatch(
      [...running.values()].map(({ loaded }) => loaded.definition),
      stored,
    )
    settled = true
    context.onSettled?.([...records.values()], findPending(running))
  }

  const dependentsOf = (id: string) => {
    const needs = [...running].map(
      ([other, { loaded }]) => [other, Object.keys(loaded.definition.dependencies ?? {})] as const,
    )
    return findDependents(id, new Map(needs))
  }

  const enable = async (id: string, by: By) => {
    const wasDisabled = (await installed.read()).disabled.has(id)
    await installed.setEnabled([id], true, by)
    await reconcile(new Set([id]))
    const { state, error } = records.get(id) ?? {}
    if (state !== "failed" || error?.code !== "DEPENDENCY_FAILED") return
    if (wasDisabled) {
      await installed.setEnabled([id], false, by)
      await reconcile(new Set())
    }
    throw new PagodaError("DEPENDENCY_FAILED", error.message, { plugin: id })
  }

  const disable = async (id: string, { by, force }: SwitchOptions) => {
    const others = dependentsOf(id)
    if (others.length > 0 && !force) throw toNeeded(id, others)
    await installed.setEnabled([id, ...others], false, by)
    await reconcile(new Set())
  }

  return {
    apps: run.apps,
    get settled() {
      return settled
    },
    list: () => [...records.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    get: (id) => records.get(id),
    sync: (read, retry = "all") =>
      inTurn(async () => {
        const before = current
        try {
          current = await read()
          if (settled) context.onLockfile?.(before, current)
        } finally {
          // a lockfile that cannot be read keeps nothing from what an administrator decided
          await reconcile(retry)
        }
      }),
    setEnabled: (id, enabled, options) =>
      inTurn(async () => {
        if (!Object.hasOwn(current.plugins, id)) throw new PagodaError("NOT_FOUND", toUnknown(id))
        await (enabled ? enable(id, options.by) : disable(id, options))
        await context.onSwitch?.(id)
        return records.get(id) as PluginRecord
      }),
    quarantine: (id, problem) => {
      const culprit = running.get(id)
      return inTurn(async () => {
        // another version may have come meanwhile
        if (!culprit || running.get(id) !== culprit) return
        await quarantines.add(id, culprit.loaded.locked, "run", problem)
        await reconcile(new Set())
        await context.onSwitch?.(id)
      })
    },
    close: () =>
      inTurn(async () => {
        const { ordered, refused } = orderRunning(running.values(), () => "is not active")
        roster.takeOut([...ordered, ...refused.keys()])
      }),
  }
}

function findPending(running: ReadonlyMap<string, RunningPlugin>): Map<string, string[]> {
  const pending = [...running].map(([id, { loaded }]): [string, string[]] => {
    const granted = new Set(loaded.locked.permissions)
    return [id, loaded.definition.permissions.filter((permission) => !granted.has(permission))]
  })
  return new Map(pending.filter(([, permissions]) => permissions.length > 0))
}

function toUnknown(id: string): string {
  return `There is no plugin "${id}" in the lockfile as this host read it; "pagoda plugin sync" makes it read that again`
}

export function toNeeded(id: string, others: readonly string[]): PagodaError {
  const names = others.map((other) => `"${other}"`).join(", ")
  const need = others.length === 1 ? "needs" : "need"
  const mend = `disable ${others.length === 1 ? "it" : "them"} too with {"force": true} or "--force"`
  return new PagodaError("PLUGIN_NEEDED", `Cannot disable plugin "${id}": ${names} ${need} it; ${mend}`, { plugin: id })
}
