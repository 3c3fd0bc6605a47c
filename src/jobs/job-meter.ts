import type { JobStatus } from "@pagoda/sdk"
import { Histogram } from "../metrics/histogram.ts"
import { isFinal, type JobRow } from "./records.ts"
import type { Outcome } from "./run.ts"

/** What became of an operation's jobs, in this process. */
export type OperationCalls = {
  readonly operation: number
  readonly plugin: string | null
  /** How tries ended: one that failed may be followed by another. */
  readonly tries: Map<Outcome["kind"], number>
  readonly ended: Map<JobStatus, number>
  /** Of tries. */
  readonly times: Histogram
}

export type JobMeter = {
  /** @param began by `performance.now()` */
  tried(operation: Pick<JobRow, "operation" | "plugin">, kind: Outcome["kind"], began: number): void
  /** Told every row that this process wrote. */
  wrote(row: Pick<JobRow, "operation" | "plugin" | "status">): void
  all(): Iterable<OperationCalls>
}

/** Seconds. */
const bounds = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600]

export function createJobMeter(): JobMeter {
  const all = new Map<string, OperationCalls>()
  const callsOf = ({ operation, plugin }: Pick<JobRow, "operation" | "plugin">): OperationCalls => {
    const key = `${operation} ${plugin ?? ""}`
    const known = all.get(key)
    if (known) return known
    const made = { operation, plugin, tries: new Map(), ended: new Map(), times: new Histogram(bounds) }
    all.set(key, made)
    return made
  }
  return {
    tried(job, kind, began) {
      const { tries, times } = callsOf(job)
      tries.set(kind, (tries.get(kind) ?? 0) + 1)
      times.observe((performance.now() - began) / 1000)
    },
    wrote(row) {
      if (!isFinal(row.status)) return
      const { ended } = callsOf(row)
      ended.set(row.status, (ended.get(row.status) ?? 0) + 1)
    },
    all: () => all.values(),
  }
}
