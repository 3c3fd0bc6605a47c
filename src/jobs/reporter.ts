import { toLine } from "./text.ts"

export type Report = { progress: number; message: string }

/** A job's progress: everyone in this process sees each report, the row at most one in 250 ms. */
export type Reporter = {
  readonly latest: Report
  report(percent: number, message?: string): void
  /** Nothing is reported or written afterwards: `latest` is for the one who writes the result. */
  close(): void
}

export type ReporterOptions = {
  first: Report
  onReport(report: Report): void
  write(report: Report): void
}

export const writeInterval = 250

export function createReporter({ first, onReport, write }: ReporterOptions): Reporter {
  let latest = first
  let timer: ReturnType<typeof setTimeout> | undefined
  let closed = false

  const flush = () => {
    timer = undefined
    write(latest)
  }
  return {
    get latest() {
      return latest
    },
    report(percent, message) {
      if (closed) return
      const progress = toPercent(percent, latest.progress)
      latest = { progress, message: message === undefined ? latest.message : toLine(message) }
      onReport(latest)
      // Not at once: a quick job writes its last report with its result, and nothing before.
      timer ??= setTimeout(flush, writeInterval)
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

function toPercent(percent: number, otherwise: number): number {
  const number = Number(percent)
  return Number.isNaN(number) ? otherwise : Math.round(Math.min(100, Math.max(0, number)))
}
