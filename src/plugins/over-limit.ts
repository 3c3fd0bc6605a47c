import { type ErrorCode, PagodaError } from "../errors.ts"
import type { LimitName, PluginLimits } from "./limits.ts"

const codes: Record<LimitName, ErrorCode> = {
  jobs_per_minute: "LIMIT_EXCEEDED",
  log_lines_per_second: "LIMIT_EXCEEDED",
  notices_per_minute: "LIMIT_EXCEEDED",
  body_bytes: "BODY_TOO_LARGE",
  answer_bytes: "ANSWER_TOO_LARGE",
  route_ms: "ROUTE_TIMEOUT",
  fetches_per_minute: "LIMIT_EXCEEDED",
  fetches_at_once: "LIMIT_EXCEEDED",
  fetch_ms: "FETCH_TIMEOUT",
  fetch_bytes: "FETCH_TOO_LARGE",
  failures_per_minute: "QUARANTINED",
}

/** The refusal of what is over a limit. It names both, and what changes it. */
export function overLimit({ plugin, values }: PluginLimits, name: LimitName, what: string): PagodaError {
  const limit = `the limit "${name}" of plugin "${plugin}" is ${values[name]}`
  const mend = `an administrator changes it with "PATCH /api/v2/admin/plugins/${plugin}/limits"`
  const headers = name.endsWith("_per_minute") ? { "retry-after": "60" } : undefined
  return new PagodaError(codes[name], `Cannot ${what}: ${limit}; ${mend}`, { plugin, headers })
}
