import type picocolors from "picocolors"

export const logLevels = ["debug", "info", "warn", "error"] as const
export type LogLevel = (typeof logLevels)[number]
export type LogFormat = "pretty" | "json"
export type LogFields = Record<string, unknown>

export type Log = Record<LogLevel, (message: string, fields?: LogFields) => void> & {
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log
}

export type LogOptions = { level: LogLevel; format: LogFormat; colors?: boolean; write?: (line: string) => void }

/** Lines on stderr: stdout belongs to what a command answers. */
export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line))
  const format = options.format === "json" ? toJsonLine : createPretty(options.colors === true)
  const least = logLevels.indexOf(options.level)
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (logLevels.indexOf(level) >= least) write(`${format(level, message, addFields(bound, fields))}\n`)
  }
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLog(options, addFields(bound, fields)),
  }
}

/** A field of a name that is taken gets another: no line says that it is somebody else's, or of another level. */
export function addFields(bound: LogFields, fields: LogFields | undefined): LogFields {
  const added = Object.entries(fields ?? {}).map(([key, value]) => [Object.hasOwn(bound, key) ? `${key}_` : key, value])
  return { ...bound, ...Object.fromEntries(added) }
}

function toJsonLine(level: LogLevel, message: string, fields: LogFields): string {
  const all = addFields({ time: new Date().toISOString(), level, message }, fields)
  const parts = Object.entries(all).flatMap(([key, value]) => {
    const text = toText(value)
    return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`]
  })
  return `{${parts.join(",")}}`
}

type Colors = ReturnType<typeof picocolors.createColors>

function createPretty(isColorful: boolean) {
  /** Loaded for the first line: it looks at the terminal, which costs more than all else that a log does. */
  let colors: Colors | undefined
  return (level: LogLevel, message: string, fields: LogFields): string => {
    colors ??= (require("picocolors") as typeof picocolors).createColors(isColorful)
    const { dim, cyan, yellow, red } = colors
    const paint = { debug: dim, info: cyan, warn: yellow, error: red }[level]
    const rest = Object.entries(fields).map(([key, value]) => dim(`${key}=${toText(value)}`))
    // what a plugin logs moves no cursor and begins no line of its own
    const text = message.replace(/\p{Cc}/gu, "\ufffd")
    return [dim(new Date().toISOString().slice(11, 23)), paint(level.padEnd(5)), text, ...rest].join(" ")
  }
}

/** Handlers of last resort log: what foreign code threw may hold itself, or throw again when it is looked at. */
function toText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, toPlain)
  } catch {
    return JSON.stringify(inspect(value))
  }
}

function inspect(value: unknown): string {
  try {
    return Bun.inspect(value)
  } catch {
    return "something that cannot be shown"
  }
}

/** An error is its stack: `JSON.stringify` would make `{}` of it. */
function toPlain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value.stack ?? `${value.name}: ${value.message}`
  return typeof value === "bigint" ? String(value) : value
}
