import type { Json, User } from "@pagoda/sdk"
import { InterruptedError } from "./interruption.ts"
import type { Operation, RunContext } from "./operations.ts"
import { type JobRow, toTarget } from "./records.ts"
import type { KeptResult, Result } from "./results.ts"
import { toReason, toReturned } from "./text.ts"

/** How one try ended. */
export type Outcome =
  | { kind: "done"; result: KeptResult }
  | { kind: "failed"; reason: string; error: unknown }
  /** What it ran in went away under it. */
  | { kind: "interrupted"; reason: string }
  /** It was told to end and ended, or did not in time. */
  | { kind: "aborted"; settled: boolean }

export type RunOptions = {
  operation: Operation
  row: JobRow
  params: Json
  user: User
  result: Result
} & Pick<RunContext, "signal" | "progress" | "log" | "warn">

/** How long a handler may take to end after its signal has fired; then its place is given to the next job. */
const settleLimit = 30_000

/** Runs the handler once; never throws. */
export async function runOperation({ operation, row, result, ...context }: RunOptions): Promise<Outcome> {
  const { signal } = context
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
      const returned = toReturned(await operation.run({ ...context, job, output: result.open }))
      return { kind: "done", result: await result.keep(returned) }
    } catch (error) {
      if (error instanceof InterruptedError) return { kind: "interrupted", reason: toReason(error) }
      return signal.aborted ? { kind: "aborted", settled: true } : { kind: "failed", reason: toReason(error), error }
    }
  }
}
