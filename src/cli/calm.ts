/** In milliseconds: how long nothing may happen before it is told, and how long that may go on. */
export type Patience = { least: number; most: number }

/** Tells once of a burst. */
export type Calm = { touch(): void; stop(): void }

export function createCalm({ least, most }: Patience, tell: () => void): Calm {
  let timer: Timer | undefined
  let since = 0
  return {
    touch() {
      const now = performance.now()
      if (!timer) since = now
      clearTimeout(timer)
      timer = setTimeout(
        () => {
          timer = undefined
          tell()
        },
        Math.max(0, Math.min(least, since + most - now)),
      )
    },
    stop: () => clearTimeout(timer),
  }
}
