import { waitAtMost } from "../wait-at-most.ts"

/** What is under way in one version of a plugin, counted: it is not taken apart under a request. */
export type Calls = {
  begin(): void
  end(): void
  /** Counts what it is given for as long as that is pending, and gives it back. */
  follow<T>(answer: T): T
  /** Fires when the version begins to leave: what never ends by itself ends now. */
  readonly leaving: AbortSignal
  /** The version leaves: waits until nothing is under way, but no longer than this. Gives how much still is. */
  leave(milliseconds: number): Promise<number>
}

export function createCalls(): Calls {
  const leaving = new AbortController()
  let open = 0
  let onIdle: (() => void) | undefined
  const end = () => {
    open--
    if (open === 0) onIdle?.()
  }
  return {
    begin() {
      open++
    },
    end,
    follow(answer) {
      if (answer instanceof Promise && Bun.peek.status(answer) === "pending") {
        open++
        answer.then(end, end)
      }
      return answer
    },
    leaving: leaving.signal,
    async leave(milliseconds) {
      leaving.abort()
      if (open > 0) {
        const { promise, resolve } = Promise.withResolvers<void>()
        onIdle = resolve
        await waitAtMost(milliseconds, promise)
      }
      return open
    },
  }
}
