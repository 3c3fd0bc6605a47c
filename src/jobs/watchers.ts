import type { Job } from "@pagoda/sdk"

/** Who looks at jobs while they run in this process. */
export type Watchers = {
  publish(job: Job): void
  /** Keeps what is published about one job from the call on; `close` it. */
  watch(id: number, signal: AbortSignal): Watch
}

export type Watch = {
  /** The next state; `undefined` once the signal has fired and all was told. */
  next(): Promise<Job | undefined>
  close(): void
}

const mostWaiting = 1_000

export function createWatchers(): Watchers {
  const watchers = new Map<number, Set<(job: Job) => void>>()
  return {
    publish(job) {
      for (const watcher of watchers.get(job.id) ?? []) watcher(job)
    },
    watch(id, signal) {
      const waiting: Job[] = []
      let wake = () => {}
      const onAbort = () => wake()
      const onJob = (job: Job) => {
        // A client that does not read loses old states, never the newest.
        if (waiting.push(job) > mostWaiting) waiting.shift()
        wake()
      }
      const all = watchers.get(id) ?? new Set()
      watchers.set(id, all.add(onJob))
      signal.addEventListener("abort", onAbort)
      return {
        async next() {
          while (true) {
            const job = waiting.shift()
            if (job || signal.aborted) return job
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
        },
        close() {
          signal.removeEventListener("abort", onAbort)
          all.delete(onJob)
          if (all.size === 0 && watchers.get(id) === all) watchers.delete(id)
        },
      }
    },
  }
}
