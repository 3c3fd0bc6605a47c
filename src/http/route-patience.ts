import { AsyncLocalStorage } from "node:async_hooks"
import type { PluginLimits } from "../plugins/limits.ts"

/** An answer that is waited for: a link of a ring, since to make an entry of a set costs more than all else here. */
export type Wait = {
  previous: Wait | undefined
  next: Wait | undefined
  /** When a look saw it first. */
  since: number
  expire(): void
}

/** Ends the wait for answers that take longer than the plugin's limit. */
export type RoutePatience = {
  begin(wait: Wait): void
  end(wait: Wait): void
}

/** A look every so many parts of the limit: what takes too long is over at most two of them late. */
const parts = 10
/** Milliseconds. */
const longestPause = 1_000

export function createRoutePatience(limits: PluginLimits): RoutePatience {
  let first: Wait | undefined
  // a timer keeps the async context that it is set in, which is that of any one of those who wait
  const outside = AsyncLocalStorage.snapshot()
  let isArmed = false

  const arm = () => {
    isArmed = true
    const pause = Math.min(longestPause, Math.ceil(limits.values.route_ms / parts))
    outside(() => setTimeout(look, pause)).unref()
  }

  const end = (wait: Wait) => {
    const { previous, next } = wait
    if (previous) previous.next = next
    else if (first === wait) first = next
    else return
    if (next) next.previous = previous
    wait.previous = wait.next = undefined
  }

  const look = () => {
    const now = performance.now()
    let following: Wait | undefined
    for (let wait = first; wait; wait = following) {
      following = wait.next
      if (wait.since === 0) wait.since = now
      else if (now - wait.since >= limits.values.route_ms) {
        end(wait)
        wait.expire()
      }
    }
    if (first) arm()
    else isArmed = false
  }

  return {
    begin(wait) {
      wait.next = first
      if (first) first.previous = wait
      first = wait
      if (!isArmed) arm()
    },
    end,
  }
}
