const kinds = { setTimeout: "timer", setInterval: "interval", setImmediate: "immediate" } as const
type Start = keyof typeof kinds

/** What sets and clears timers, one of each plugin's own. */
export const timerNames = [
  ...(Object.keys(kinds) as Start[]),
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
] as const
export type TimerName = (typeof timerNames)[number]

/** The timers of one run of a bundle, so that none goes on after its plugin has left. */
export type PluginTimers = Readonly<Record<TimerName, (...values: never[]) => unknown>> & {
  /** Stops those that are open and says what they were, such as "2 intervals". From now on it sets none. */
  stop(): string[]
}

export function createPluginTimers(id: string): PluginTimers {
  const open = new Map<unknown, Start>()
  let isOver = false

  const set = (start: Start) => {
    const isOnce = start !== "setInterval"
    return (handler: unknown, ...rest: unknown[]) => {
      if (isOver) throw new Error(`Cannot call "${start}": plugin "${id}" has left`)
      const real = globalThis[start] as (...values: unknown[]) => unknown
      if (typeof handler !== "function") return real(handler, ...rest)
      const fire = (...values: unknown[]) => {
        open.delete(timer)
        return handler(...values)
      }
      const timer = real(isOnce ? fire : handler, ...rest)
      open.set(timer, start)
      return timer
    }
  }
  const clear = (name: TimerName) => (timer: unknown) => {
    if (!open.delete(timer) && typeof timer !== "object") forget(Number(timer))
    return (globalThis[name] as (timer: unknown) => unknown)(timer)
  }
  /** A timer also goes by its number. */
  const forget = (number: number) => {
    for (const timer of open.keys()) if (Number(timer) === number) open.delete(timer)
  }

  return {
    setTimeout: set("setTimeout"),
    setInterval: set("setInterval"),
    setImmediate: set("setImmediate"),
    clearTimeout: clear("clearTimeout"),
    clearInterval: clear("clearInterval"),
    clearImmediate: clear("clearImmediate"),
    stop() {
      isOver = true
      const counts = new Map<string, number>()
      for (const [timer, start] of open) {
        const stop = start === "setImmediate" ? clearImmediate : clearTimeout
        stop(timer as never)
        counts.set(kinds[start], (counts.get(kinds[start]) ?? 0) + 1)
      }
      open.clear()
      return [...counts].map(([kind, count]) => `${count} ${kind}${count === 1 ? "" : "s"}`)
    },
  }
}
