import { format } from "node:util"
import type { Log, LogLevel } from "../../log.ts"

/** The console that a plugin sees: the host's log, since stdout belongs to what a command answers. */
export function createPluginConsole(log: Log): object {
  const counts = new Map<string, number>()
  const timers = new Map<string, number>()
  let indent = ""

  const at = (level: LogLevel) => {
    return (...values: unknown[]) => log[level](indent + format(...values))
  }
  const info = at("info")
  const elapsed = (label: string) =>
    `${label}: ${(performance.now() - (timers.get(label) ?? performance.now())).toFixed(2)} ms`
  const group = (...values: unknown[]) => {
    if (values.length > 0) info(...values)
    indent += "  "
  }

  return {
    log: info,
    info,
    debug: at("debug"),
    warn: at("warn"),
    error: at("error"),
    trace: (...values: unknown[]) => log.debug(indent + (new Error(format(...values)).stack ?? "")),
    dir: (value: unknown) => info("%O", value),
    dirxml: info,
    table: (rows: unknown) => info(typeof rows === "object" && rows !== null ? Bun.inspect.table(rows) : rows),
    assert: (holds: unknown, ...values: unknown[]) => {
      if (!holds) log.error(`${indent}Assertion failed: ${format(...values)}`)
    },
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1)
      info(`${label}: ${counts.get(label)}`)
    },
    countReset: (label = "default") => void counts.delete(label),
    time: (label = "default") => void timers.set(label, performance.now()),
    timeLog: (label = "default", ...values: unknown[]) => info(elapsed(label), ...values),
    timeEnd: (label = "default") => {
      info(elapsed(label))
      timers.delete(label)
    },
    group,
    groupCollapsed: group,
    groupEnd: () => {
      indent = indent.slice(2)
    },
    clear: () => {},
  }
}
