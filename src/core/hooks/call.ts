import { AsyncLocalStorage } from "node:async_hooks"
import { PagodaError, toMessage } from "../../errors.ts"
import type { Log } from "../../log.ts"
import type { EventCall, HookCall } from "../hooks.ts"
import { createDeadlines, type Watched } from "./deadline.ts"
import type { Listener } from "./registry.ts"

/** Handlers that write run the handlers of what they write: a circle of them would never end. */
const MAX_DEPTH = 16
/** Two looks at the clock cost as much as a call of a handler that does little. */
const TIMED_EACH = 16

class HookTimeout extends Error {
  override name = "HookTimeout"
}

/** What is done with each handler in its turn. What these throw ends the walk. */
export type Visit = {
  /** What the handler is told; nothing: it is passed over. */
  toCall(listener: Listener): HookCall | EventCall | undefined
  gave?(listener: Listener, answer: unknown): unknown
  threw(listener: Listener, error: unknown): unknown
}

export type HookCaller = ReturnType<typeof createHookCaller>

/** Calls handlers one after the other, each in time and counted. */
export function createHookCaller(log: Log, onFailure: (plugin: string, error: unknown) => void = () => {}) {
  const deadlines = createDeadlines()
  const depths = new AsyncLocalStorage<number>()

  return {
    /**
     * A handler whose time is up is left to itself: another loop goes on behind it. So each handler costs one `await`
     * and no race.
     */
    walk(listeners: readonly Listener[], visit: Visit): Promise<unknown> {
      const depth = depths.getStore() ?? 0
      let loop = 0
      let at = 0
      /** Of a call that is timed; 0: it is not. */
      let began = 0
      let outcome: PromiseWithResolvers<void> | undefined
      const watched: Watched = {
        turn: 0,
        patience: Number.POSITIVE_INFINITY,
        seen: 0,
        since: 0,
        expire() {
          watched.patience = Number.POSITIVE_INFINITY
          const listener = listeners[at] as Listener
          if (began > 0) time(listener, began)
          const error = new HookTimeout(`it took more than ${listener.hook.timeout_ms} ms`)
          depths.run(depth, () => follow(run(at + 1, listener, error)))
        },
      }

      const run = async (from: number, late?: Listener, error?: unknown): Promise<boolean> => {
        const mine = ++loop
        if (late) await visit.threw(late, error)
        for (let index = from; index < listeners.length; index++) {
          const listener = listeners[index] as Listener
          const call = visit.toCall(listener)
          if (call === undefined) continue
          began = listener.count.calls++ % TIMED_EACH === 0 ? performance.now() : 0
          let answer: unknown
          try {
            answer = listener.hook.run(call)
            if (isThenable(answer)) {
              const state = answer instanceof Promise ? Bun.peek.status(answer) : "pending"
              if (state === "fulfilled") answer = Bun.peek(answer)
              else {
                at = index
                deadlines.next(watched, listener.hook.timeout_ms)
                answer = await answer
                if (loop !== mine) return false
                watched.patience = Number.POSITIVE_INFINITY
              }
            }
          } catch (error) {
            if (loop !== mine) return false
            watched.patience = Number.POSITIVE_INFINITY
            if (began > 0) time(listener, began)
            await visit.threw(listener, error)
            continue
          }
          if (began > 0) time(listener, began)
          const handled = visit.gave?.(listener, answer)
          if (handled !== undefined) await handled
        }
        return true
      }

      const follow = (running: Promise<boolean>) => {
        running.then(
          (isDone) => {
            if (!isDone) return
            deadlines.drop(watched)
            outcome?.resolve()
          },
          (error) => {
            deadlines.drop(watched)
            outcome?.reject(error)
          },
        )
      }

      const first = run(0)
      if (Bun.peek.status(first) === "fulfilled") return first
      outcome = Promise.withResolvers<void>()
      follow(first)
      return outcome.promise
    },

    /** Counts and logs what a handler threw. */
    failed({ hook, count }: Listener, error: unknown): void {
      if (error instanceof HookTimeout) count.timeouts++
      else count.failures++
      const { plugin, name } = hook
      onFailure(plugin, error)
      log.error(`Hook "${name}" of plugin "${plugin}" failed: ${toMessage(error)}`, { plugin, hook: name, error })
    },

    /** @throws HOOK_FAILED when handlers call each other in circles */
    deeper<T>(name: string, work: () => T): T {
      const depth = depths.getStore() ?? 0
      if (depth >= MAX_DEPTH) {
        const problem = `hooks write what runs hooks, ${MAX_DEPTH} deep`
        throw new PagodaError("HOOK_FAILED", `Cannot run the hooks of "${name}": ${problem}`)
      }
      return depths.run(depth + 1, work)
    },

    /** Whatever caused it, this is the first of its kind. */
    fromOutside: <T>(work: () => T): T => depths.run(0, work),

    close: deadlines.close,
  }
}

function time({ count }: Listener, began: number): void {
  count.times.observe((performance.now() - began) / 1000)
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
}
