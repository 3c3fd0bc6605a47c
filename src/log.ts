import type picocolors from "picocolors"

export const logLevels = ["debug", "info", "warn", "error"] as const
export type LogLevel = (typeof logLevels)[number]
export type LogFormat = "pretty" | "json"
export type LogFields = Record<string, unknown>

export type Log = Record<LogLevel, (message: string, fields?: LogFields) => void> & {
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log
}

export type LogOptions = { level: LogLevel; format: LogFormat; write?: (line: string) => void }

/** Lines on stderr: stdout belongs to what a command answers. */
export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line))
  const format = options.format === "json" ? toJsonLine : toPrettyLine
  const least = logLevels.indexOf(options.level)
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (logLevels.indexOf(level) >= least) write(`${format(level, message, { ...bound, ...fields })}\n`)
  }
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLog(options, { ...bound, ...fields }),
  }
}

function toJsonLine(level: LogLevel, message: string, fields: LogFields): string {
  return JSON.stringify({ time: new Date().toISOString(), level, message, ...fields }, toPlain)
}

/** Loaded for the first pretty line: it looks at the terminal, which costs more than all else that a log does. */
let colors: typeof picocolors | undefined

function toPrettyLine(level: LogLevel, message: string, fields: LogFields): string {
  colors ??= require("picocolors") as typeof picocolors
  const { dim, cyan, yellow, red } = colors
  const paint = { debug: dim, info: cyan, warn: yellow, error: red }[level]
  const rest = Object.entries(fields).map(([key, value]) => dim(`${key}=${JSON.stringify(value, toPlain)}`))
  return [dim(new Date().toISOString().slice(11, 23)), paint(level.padEnd(5)), message, ...rest].join(" ")
}

/** An error is its stack: `JSON.stringify` would make `{}` of it. */
function toPlain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value.stack ?? `${value.name}: ${value.message}`
  return typeof value === "bigint" ? String(value) : value
}
