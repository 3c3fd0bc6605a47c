import type { Json, User } from "@pagoda/sdk"
import type { Operation, RunContext } from "./operations.ts"
import { type JobRow, toTarget } from "./records.ts"
import { toReason, toText } from "./text.ts"

/** How one try ended. */
export type Outcome =
  | { kind: "done"; text: string | null }
  | { kind: "failed"; reason: string; error: unknown }
  /** It was told to end and ended, or did not in time. */
  | { kind: "aborted"; settled: boolean }

export type RunOptions = {
  operation: Operation
  row: JobRow
  params: Json
  user: User
  signal: AbortSignal
  progress: RunContext["progress"]
}

/** How long a handler may take to end after its signal has fired; then its place is given to the next job. */
export const settleLimit = 30_000

/** Runs the handler once; never throws. */
export async function runOperation({ operation, row, params, user, signal, progress }: RunOptions): Promise<Outcome> {
  const job: RunContext["job"] = {
    id: row.id,
    operation: row.operation,
    target: toTarget(row),
    attempts: row.attempts,
    created_at: row.created_at,
  }
  const giveUp = Promise.withResolvers<Outcome>()
  let timer: ReturnType<typeof setTimeout> | undefined
  const onAbort = () => {
    timer = setTimeout(() => giveUp.resolve({ kind: "aborted", settled: false }), settleLimit)
  }
  signal.addEventListener("abort", onAbort)
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([settle(), giveUp.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener("abort", onAbort)
  }

  async function settle(): Promise<Outcome> {
    try {
      const result = await operation.run({ params, user, job, signal, progress })
      return { kind: "done", text: toText(result) }
    } catch (error) {
      return signal.aborted ? { kind: "aborted", settled: true } : { kind: "failed", reason: toReason(error), error }
    }
  }
}
