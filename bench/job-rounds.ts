export type Round = { jobs: number; atOnce: number }
export type RoundResult = { p50: number; p99: number; all_ms: number }

/** How many jobs a process does at once: Pagoda's number. */
export const jobLanes = 10

/** "5000x10": that many jobs, ten at once. */
export function toRound(text: string): Round {
  const [jobs = 0, atOnce = 1] = text.split("x").map(Number)
  return { jobs, atOnce }
}

/** Milliseconds. */
export function toLatencies(times: number[]): { p50: number; p99: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}
