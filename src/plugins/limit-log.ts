import { addFields, type Log, type LogFields, type LogLevel } from "../log.ts"
import type { Limits } from "./limits.ts"

/** How long lines are dropped until it is told how many there were, in milliseconds. */
const pause = 1_000

/** The log, with no more lines of a plugin (their field `plugin` says whose they are) than it may write. */
export function limitLog(log: Log, limits: Limits, bound: LogFields = {}, dropped = new Map<string, number>()): Log {
  const drop = (plugin: string) => {
    const count = dropped.get(plugin) ?? 0
    dropped.set(plugin, count + 1)
    if (count > 0) return
    const tell = () => {
      log.warn(`Plugin "${plugin}" writes too much: ${dropped.get(plugin)} more lines dropped`, { plugin })
      dropped.delete(plugin)
    }
    setTimeout(tell, pause).unref()
  }
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    const all = addFields(bound, fields)
    const { plugin } = all
    if (typeof plugin !== "string" || limits.of(plugin).take("log_lines_per_second")) log[level](message, all)
    else drop(plugin)
  }
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => limitLog(log, limits, addFields(bound, fields), dropped),
  }
}
