import type { JobContext } from "@pagoda/sdk"
import { toLine } from "../../jobs/text.ts"

export type RemoteProgress = {
  progress: JobContext["progress"]
  /** Sends what is not sent yet. */
  close(): void
}

type Report = { percent?: number; message?: string }

/** Milliseconds: what a handler reports more often is told together. */
const interval = 20

/** The first report goes at once; the host decides how often it is written down. */
export function createRemoteProgress(send: (report: Report) => void): RemoteProgress {
  let waiting: Report | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const flush = () => {
    timer = undefined
    if (!waiting) return
    send(waiting)
    waiting = undefined
    timer = setTimeout(flush, interval)
  }
  return {
    async progress(percent, message) {
      const number = Number(percent)
      waiting = {
        ...waiting,
        ...(Number.isNaN(number) ? undefined : { percent: toFinite(number) }),
        ...(message !== undefined && { message: toLine(message) }),
      }
      if (timer === undefined) flush()
    },
    close() {
      clearTimeout(timer)
      timer = undefined
      if (waiting) send(waiting)
      waiting = undefined
    },
  }
}

/** JSON has no `Infinity`. */
function toFinite(percent: number): number {
  return Math.min(100, Math.max(0, percent))
}
