import type { Undo } from "../undo.ts"
import type { Changes, Interest } from "./changes.ts"
import type { JobRow } from "./records.ts"
import type { Report } from "./reporter.ts"
import type { JobChange, Revisions } from "./revisions.ts"
import { createWatch, type Watch } from "./watch.ts"

export type WatchersContext = {
  changes: Changes
  revisions: Revisions
  /** What a job that runs in this process reported last, which its row may not have yet. */
  latest(id: number): Report | undefined
}

/** Who looks at jobs, in this process. */
export type Watchers = {
  /** Seen here at once: others see what is written. */
  report(row: JobRow, report: Report): void
  /** Tells what changes after revision `after`; `close` it. */
  watch(interest: Interest, after: number, isResumed: boolean): Watch
  /** Lets every watch look once more, and end when that is told. */
  close(): Promise<void>
}

export function createWatchers({ changes, revisions, latest }: WatchersContext): Watchers {
  const watches = new Set<Watch>()
  const undos: Undo[] = []

  const onChange = (change: JobChange | null) => {
    for (const watch of watches) watch.changed(change)
  }
  // of what this process wrote every state can be told, of what is read later only the last
  const onWrite = (row: JobRow) => {
    for (const watch of watches) watch.wrote(row)
  }
  return {
    report(row, report) {
      for (const watch of watches) watch.reported(row, report)
    },
    watch(interest, after, isResumed) {
      if (undos.length === 0) undos.push(revisions.subscribe(onChange), revisions.onWrite(onWrite))
      const watch = createWatch({ changes, latest, interest, after, isResumed })
      watches.add(watch)
      return {
        ...watch,
        close() {
          watch.close()
          watches.delete(watch)
          if (watches.size === 0) for (const undo of undos.splice(0)) undo()
        },
      }
    },
    async close() {
      await Promise.all([...watches].map((watch) => watch.finish()))
    },
  }
}
