import { PagodaError } from "../../errors.ts"
import { maxTreeBytes } from "../tree.ts"

/** What one source may cost: time and bytes over the network, its packages included. */
export type Budget = {
  /** What is fetched, as it stands in messages: `npm:ms@2.1.3`. */
  readonly subject: string
  /** Aborted when the time is over. */
  readonly signal: AbortSignal
  /** How many bytes may come over the network. */
  readonly limit: number
  /** Counts bytes as they arrive. @throws SOURCE_TOO_LARGE */
  spend(bytes: number): void
  /** Counts what archives unpack to, all of them together. @throws SOURCE_TOO_LARGE */
  unpack(bytes: number): void
}

export const maxDownloadBytes = 100 * 1024 * 1024
export const maxSourceMs = 60_000

export type BudgetOptions = { ms?: number; bytes?: number; given?: Budget | undefined }

/** Runs the work within a budget: the given one, or one of its own that ends with it. */
export async function withBudget<T>(
  subject: string,
  work: (budget: Budget) => Promise<T>,
  { ms = maxSourceMs, bytes = maxDownloadBytes, given }: BudgetOptions = {},
): Promise<T> {
  if (given) return work(given)
  const controller = new AbortController()
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const error = new PagodaError("SOURCE_TIMEOUT", `Cannot fetch "${subject}": it took longer than ${ms / 1000} s`)
    controller.abort(error)
    late.reject(error)
  }, ms)
  let [spent, unpacked] = [0, 0]
  const budget: Budget = {
    subject,
    signal: controller.signal,
    limit: bytes,
    spend(more) {
      spent += more
      if (spent > bytes) throw tooLarge(budget)
    },
    unpack(more) {
      unpacked += more
      if (unpacked <= maxTreeBytes) return
      const is = "it and its packages have more than 200 MiB of files, which is the limit"
      throw new PagodaError("SOURCE_TOO_LARGE", `Cannot fetch "${subject}": ${is}`)
    },
  }
  try {
    return await Promise.race([work(budget), late.promise])
  } finally {
    clearTimeout(timer)
    // work that a failure left behind must not go on
    controller.abort()
  }
}

export function tooLarge({ subject, limit }: Budget): PagodaError {
  const size = `${Math.floor(limit / 1024 / 1024)} MiB`
  return new PagodaError("SOURCE_TOO_LARGE", `Cannot fetch "${subject}": it is more than ${size} to download`)
}
