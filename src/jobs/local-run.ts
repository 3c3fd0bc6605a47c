import type { JobRow } from "./records.ts"
import type { Report } from "./reporter.ts"

/** Why a run ends before its handler does. */
type End = "canceled" | "timeout" | "stopping"

/** One run of a job in this process. */
export type LocalRun = {
  readonly controller: AbortController
  readonly over: PromiseWithResolvers<void>
  /** Once it has begun. */
  row?: JobRow
  /** The number of a try that was canceled: this one, or one before it. */
  canceledTry?: number
  ending?: End
  report?: Report
  isWarned?: boolean
}

export function createLocalRun(): LocalRun {
  return { controller: new AbortController(), over: Promise.withResolvers() }
}

/** Fires its signal. The first reason stays. */
export function endRun(run: LocalRun, ending: End): void {
  run.ending ??= ending
  const name = run.ending === "timeout" ? "TimeoutError" : "AbortError"
  run.controller.abort(new DOMException(`The job is ${run.ending}`, name))
}

/** Fires its signal if it is the try that was canceled; before it has begun nobody knows. */
export function endIfCanceled(run: LocalRun): void {
  if (run.row && run.row.attempts === run.canceledTry) endRun(run, "canceled")
}
