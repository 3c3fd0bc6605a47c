import type { CheckedPlugin } from "./check.ts"
import { type Choice, whyNotWanted } from "./choice.ts"
import { orderRunning } from "./dependents.ts"
import { forgetBundle } from "./import.ts"
import type { Installed } from "./installed.ts"
import { type LoadContext, type LoadedPlugin, loadPlugin, type Step } from "./load.ts"
import type { LoadingMarks } from "./loading-marks.ts"
import type { LockedPlugin, Lockfile } from "./lockfile.ts"
import type { Quarantines } from "./quarantines.ts"
import type { Roster } from "./roster.ts"
import { type RunContext, runPlugin } from "./running.ts"
import { startInOrder } from "./start-order.ts"

export type ReconcileContext = {
  readonly choice: Choice
  readonly load: LoadContext
  readonly run: RunContext
  readonly installed: Installed
  readonly roster: Roster
  readonly marks: LoadingMarks
  readonly quarantines: Quarantines
}

/** Which of those that failed with what the lockfile still says are tried again. */
export type Retry = "all" | ReadonlySet<string>

type Wanted = Map<string, LockedPlugin>
type Fresh = { loaded: LoadedPlugin; load_ms: number }
type Failure = { locked: LockedPlugin; step: Step; thrown: unknown }

/** Makes what runs what the lockfile and the database say. Gives the ids of those that were started. */
export type Reconcile = (lockfile: Lockfile, retry: Retry) => Promise<Set<string>>

export function createReconcile(context: ReconcileContext): Reconcile {
  const { choice, load, run, installed, roster, marks, quarantines } = context
  const { running, records } = roster
  /** What failed, as the lockfile had it, and how. */
  const failed = new Map<string, Failure>()

  const fail = (id: string, failure: Failure) => {
    failed.set(id, failure)
    roster.fail(id, failure.locked, failure.step, failure.thrown)
  }

  const whyMissing = (id: string) => (records.has(id) ? `is ${records.get(id)?.state}` : "is not in the lockfile")

  /** Takes out whatever lacks what it needs; `isSpared` are those of which another version comes. */
  const takeOutUnmet = (isSpared: (id: string) => boolean) => {
    const { refused } = orderRunning(running.values(), whyMissing, isSpared)
    const unmet = [...refused].map(([id, thrown]): [string, Failure] => {
      const lacks = { locked: running.get(id)?.loaded.locked as LockedPlugin, step: "check", thrown } as const
      // where the version of the lockfile failed as well, that is what is to be mended
      return [id, failed.get(id) ?? lacks]
    })
    takeOut(unmet.map(([id]) => id))
    for (const [id, failure] of unmet) fail(id, failure)
  }

  /** Whatever needs another one leaves before it. */
  const takeOut = (ids: string[]) => {
    if (ids.length === 0) return
    const { ordered, refused } = orderRunning(running.values(), whyMissing)
    roster.takeOut([...ordered, ...refused.keys()].filter((id) => ids.includes(id)))
  }

  const choose = async (lockfile: Lockfile): Promise<Wanted> => {
    const { disabled, limits, ...stored } = await installed.read()
    run.limits.set(limits)
    const quarantined = await quarantines.find(lockfile.plugins, stored.quarantines)
    const wanted: Wanted = new Map()
    const unwanted = new Map<string, string>()
    for (const [id, locked] of Object.entries(lockfile.plugins)) {
      const reason = whyNotWanted(id, choice) ?? (disabled.has(id) ? "an administrator disabled it" : undefined)
      if (reason) unwanted.set(id, reason)
      else if (!quarantined.has(id)) wanted.set(id, locked)
    }
    takeOut([...running.keys()].filter((id) => !wanted.has(id)))
    for (const [id, reason] of unwanted) roster.disable(id, lockfile.plugins[id] as LockedPlugin, reason)
    for (const [id, error] of quarantined)
      if (!unwanted.has(id)) roster.quarantine(id, lockfile.plugins[id] as LockedPlugin, error)
    for (const id of [...records.keys()]) if (!Object.hasOwn(lockfile.plugins, id)) roster.forget(id)
    for (const id of [...failed.keys()]) if (!wanted.has(id)) failed.delete(id)
    return wanted
  }

  const isSame = (id: string, locked: LockedPlugin) => Bun.deepEquals(running.get(id)?.loaded.locked, locked)

  const isTried = (id: string, locked: LockedPlugin, retry: Retry) => {
    if (retry === "all" || retry.has(id) || records.get(id)?.error?.code === "DEPENDENCY_FAILED") return false
    return Bun.deepEquals(failed.get(id)?.locked, locked)
  }

  const loadOne = async (id: string, locked: LockedPlugin): Promise<Fresh | undefined> => {
    const started = performance.now()
    let step: Step = "fetch"
    try {
      const loaded = await loadPlugin(id, locked, load, (next) => {
        step = next
      })
      return { loaded, load_ms: performance.now() - started }
    } catch (thrown) {
      fail(id, { locked, step, thrown })
    }
  }

  /** All at once; but what may have ended the process before is loaded alone, so that it is known which one did. */
  const loadAll = async (changed: [string, LockedPlugin][]): Promise<Map<string, Fresh>> => {
    const fresh = new Map<string, Fresh>()
    const isSuspect = ([id, locked]: [string, LockedPlugin]) => marks.crashes(id, locked) > 0
    const rest = changed.filter((plugin) => !isSuspect(plugin))
    const groups = [...changed.filter(isSuspect).map((plugin) => [plugin]), ...(rest.length > 0 ? [rest] : [])]
    for (const group of groups) {
      marks.begin(group)
      await Promise.all(
        group.map(async ([id, locked]) => {
          const loaded = await loadOne(id, locked)
          if (loaded) fresh.set(id, loaded)
        }),
      )
    }
    // in the order of the lockfile, whichever was quicker: of two that want the same thing it is always the same one
    const inOrder = changed.flatMap(([id]) => {
      const found = fresh.get(id)
      return found ? [[id, found] as const] : []
    })
    return new Map(inOrder)
  }

  const start = async ({ loaded, load_ms }: Fresh): Promise<boolean> => {
    const { id, locked } = loaded
    let step: Step = "check"
    try {
      const onStep = (next: Step) => {
        step = next
      }
      roster.enter(await runPlugin(loaded, run, onStep, running.get(id)), load_ms)
      failed.delete(id)
      return true
    } catch (thrown) {
      forgetBundle(loaded.bundle)
      fail(id, { locked, step, thrown })
      return false
    }
  }

  const startAll = (fresh: ReadonlyMap<string, Fresh>, onStart: (plugin: Fresh) => void) =>
    startInOrder({
      running: toDefinitions(running),
      fresh: toDefinitions(fresh),
      whyMissing,
      start(id) {
        const plugin = fresh.get(id) as Fresh
        onStart(plugin)
        return start(plugin)
      },
      refuse(id, thrown) {
        const { loaded } = fresh.get(id) as Fresh
        forgetBundle(loaded.bundle)
        fail(id, { locked: loaded.locked, step: "check", thrown })
      },
    })

  return async (lockfile, retry) => {
    quarantines.lift(retry)
    const wanted = await choose(lockfile)
    for (const [id, locked] of wanted) {
      if (!isSame(id, locked)) continue
      failed.delete(id)
      roster.settle(id)
    }
    takeOutUnmet((id) => !isSame(id, wanted.get(id) as LockedPlugin))
    const changed = [...wanted].filter(([id, locked]) => !isSame(id, locked) && !isTried(id, locked, retry))
    const isUnclean = changed.some(([id, locked]) => marks.crashes(id, locked) > 0)
    const fresh = await loadAll(changed)
    const started = await startAll(fresh, ({ loaded: { id, locked } }) => {
      if (isUnclean) marks.begin([[id, locked]])
    })
    if (changed.length > 0) marks.end(changed.map(([id]) => id))
    takeOutUnmet(() => false)
    for (const id of started) if (!running.has(id)) started.delete(id)
    return started
  }
}

function toDefinitions(plugins: ReadonlyMap<string, { readonly loaded: LoadedPlugin }>): Map<string, CheckedPlugin> {
  return new Map([...plugins].map(([id, { loaded }]) => [id, loaded.definition]))
}
