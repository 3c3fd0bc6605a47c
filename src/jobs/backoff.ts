import type { Backoff } from "@pagoda/sdk"

/** Milliseconds. */
const first = 1_000
const longest = 60 * 60 * 1_000

/** How long the next try waits, in milliseconds, after so many that failed. */
export function toDelay({ type = "exponential", delay_ms = first }: Backoff = {}, failures: number): number {
  const factor = type === "exponential" ? 2 ** Math.min(failures - 1, 30) : 1
  return Math.min(longest, delay_ms * factor)
}
