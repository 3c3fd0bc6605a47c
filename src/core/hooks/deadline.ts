import { AsyncLocalStorage } from "node:async_hooks"

/** Something that is waited for, one thing after the other, and is over when one of them takes too long. */
export type Watched = {
  /** Which thing it waits for: counts up. */
  turn: number
  /** How long it waits for that, in milliseconds; without end while it waits for nothing. */
  patience: number
  /** What the last look saw, and when a look saw that first. */
  seen: number
  since: number
  expire(): void
}

export type Deadlines = {
  /** It waits for the next thing, and for no longer than this. */
  next(watched: Watched, milliseconds: number): void
  drop(watched: Watched): void
  close(): void
}

/** A look every so many parts of the shortest patience: what takes too long is over at most two of them late. */
const PARTS = 20

/** To look now and then costs nothing; to ask for the time at every call costs as much as the call. */
export function createDeadlines(): Deadlines {
  const waiting = new Set<Watched>()
  // a timer keeps the async context that it is set in, which is that of any one of those who wait
  const outside = AsyncLocalStorage.snapshot()
  let timer: Timer | undefined
  let shortest = Number.POSITIVE_INFINITY

  const arm = () => {
    clearTimeout(timer)
    timer = outside(() => setTimeout(look, Math.ceil(shortest / PARTS)))
    timer.unref()
  }

  const look = () => {
    const now = performance.now()
    shortest = Number.POSITIVE_INFINITY
    for (const watched of [...waiting]) {
      if (watched.seen !== watched.turn) {
        watched.seen = watched.turn
        watched.since = now
      } else if (now - watched.since >= watched.patience) watched.expire()
    }
    for (const { patience } of waiting) if (patience < shortest) shortest = patience
    if (shortest < Number.POSITIVE_INFINITY) arm()
  }

  return {
    next(watched, milliseconds) {
      watched.patience = milliseconds
      if (watched.turn++ === 0) waiting.add(watched)
      if (milliseconds < shortest) {
        shortest = milliseconds
        arm()
      }
    },
    drop: (watched) => void waiting.delete(watched),
    close() {
      clearTimeout(timer)
      waiting.clear()
    },
  }
}
