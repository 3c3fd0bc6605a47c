import type { JobContext } from "@pagoda/sdk"
import { toLine } from "../../jobs/text.ts"

export type RemoteProgress = {
  progress: JobContext["progress"]
  /** Sends what is not sent yet. */
  close(): void
}

/** What is left out is as it was. */
export type RemoteReport = { percent?: number; message?: string }

/** Milliseconds between two messages. */
const interval = 20
/** Of one message: a handler that reports without pause is told of by its newest ones. */
const mostReports = 20

/** The first report goes at once, those that come soon after it together; the host decides how often one is written down. */
export function createRemoteProgress(send: (reports: RemoteReport[]) => void): RemoteProgress {
  let waiting: RemoteReport[] = []
  let timer: ReturnType<typeof setTimeout> | undefined

  const flush = () => {
    timer = undefined
    if (waiting.length === 0) return
    send(waiting)
    waiting = []
    timer = setTimeout(flush, interval)
  }
  return {
    async progress(percent, message) {
      const number = Number(percent)
      waiting.push({
        ...(Number.isNaN(number) ? undefined : { percent: toFinite(number) }),
        ...(message !== undefined && { message: toLine(message) }),
      })
      if (waiting.length > mostReports) waiting[0] = { ...waiting.shift(), ...waiting[0] }
      if (timer === undefined) flush()
    },
    close() {
      clearTimeout(timer)
      timer = undefined
      if (waiting.length > 0) send(waiting)
      waiting = []
    },
  }
}

/** JSON has no `Infinity`. */
function toFinite(percent: number): number {
  return Math.min(100, Math.max(0, percent))
}
