import type { Time } from "@pagoda/sdk"

const day = 24 * 60 * 60 * 1000

export function daysAgo(days: number, from = Date.now()): Time {
  return new Date(from - days * day).toISOString()
}
