import { show } from "../fields.ts"
import type { Kind } from "../kinds.ts"
import { scalar } from "./scalar.ts"

const datePattern = /^\d{4}-\d{2}-\d{2}$/
const timePattern = /^\d{4}-\d{2}-\d{2}T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|[+-](\d{2}):(\d{2}))$/

/** A day of the calendar: `2026-02-30` is none. */
function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00.000Z`)
  return !day.startsWith("0000") && !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

function isTime(text: string): boolean {
  const [match, hour, minute, second = "0", offsetHour = "0", offsetMinute = "0"] = timePattern.exec(text) ?? []
  if (match === undefined || !isDay(text.slice(0, 10))) return false
  const within = (value: string | undefined, limit: number) => Number(value) <= limit
  const isClock = within(hour, 23) && within(minute, 59) && within(second, 59)
  // an offset may carry the time out of the years that can be written with four digits
  return isClock && within(offsetHour, 23) && within(offsetMinute, 59) && /^(?!0000)\d{4}-/.test(toUtc(text))
}

function toUtc(text: string): string {
  return new Date(Date.parse(text)).toISOString()
}

export const dateKind: Kind = {
  ...scalar,
  column: "number",
  check(value, _attribute, path, issues) {
    if (typeof value === "string" && datePattern.test(value) && isDay(value)) return value
    const message = `the value is ${show(value)}, wanted a day of the calendar such as "2026-01-31"`
    issues.push({ path, message, code: "DATE" })
    return null
  },
  toIndex: (value) => [{ text: value as string, number: Date.parse(value as string), ref_id: null }],
}

export const datetimeKind: Kind = {
  ...scalar,
  column: "number",
  /** What is in UTC stays as it was written. */
  check(value, _attribute, path, issues) {
    if (typeof value === "string" && isTime(value)) return value.endsWith("Z") ? value : toUtc(value)
    const message = `the value is ${show(value)}, wanted an ISO 8601 time with "Z" or an offset, such as "2026-01-31T12:00:00Z"`
    issues.push({ path, message, code: "DATETIME" })
    return null
  },
  toIndex: (value) => [{ text: value as string, number: Date.parse(value as string), ref_id: null }],
}
