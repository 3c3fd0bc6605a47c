import { PagodaError } from "../errors.ts"

const longest = 200
const wanted =
  'wanted five fields in UTC such as "*/5 * * * *", or "@hourly", "@daily", "@weekly", "@monthly", "@yearly"'

/** When a schedule is next due after `from`. @throws SCHEDULE_INVALID, also where that is never */
export function toNextRun(cron: string, from: Date): Date {
  const next = parse(cron, from)
  if (next) return next
  throw refuse(cron, "no day of any year is one of it")
}

function parse(cron: string, from: Date): Date | null {
  if (typeof cron !== "string" || cron.length > longest)
    throw refuse(String(cron).slice(0, longest), "it is no schedule")
  try {
    return Bun.cron.parse(cron, from, { tz: "UTC" })
  } catch (cause) {
    throw refuse(cron, cause instanceof Error ? cause.message.replace("Invalid cron expression: ", "") : "", cause)
  }
}

function refuse(cron: string, problem: string, cause?: unknown): PagodaError {
  const message = `${problem}, ${wanted}`
  return new PagodaError("SCHEDULE_INVALID", `Cannot schedule jobs at "${cron}": ${message}`, {
    issues: [{ path: "cron", message, code: "SCHEDULE_INVALID" }],
    cause,
  })
}
