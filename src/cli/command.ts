import type { Config } from "../config.ts"
import type { Log } from "../log.ts"

export type Flag = {
  /** A `list` may be given several times, or once with commas. */
  type: "boolean" | "string" | "list"
  /** What stands for the value in the help: `N`. */
  value?: string
  short?: string
  description: string
}

export type FlagValues = Record<string, string | boolean | string[] | undefined>

/** What a command is called with. */
export type Call = {
  /** Of the command: `plugin add`. */
  name: string
  args: string[]
  flags: FlagValues
  config: Config
  log: Log
}

/** Gives the exit code; nothing is 0. */
export type Run = (call: Call) => Promise<number | undefined>

export type Command = {
  /** `plugin add` */
  name: string
  /** In order; one with a `?` at its end may be left out. */
  args?: string[]
  summary: string
  details?: string
  flags?: Record<string, Flag>
  /** Lines to type, without the `pagoda`. */
  examples: string[]
  /** Loads the command's own module: nothing of it is in memory before it was chosen. */
  load: () => Promise<Run>
}

/** Taken by every command. */
export const commonFlags: Record<string, Flag> = {
  lockfile: { type: "string", value: "F", description: "the lockfile (PAGODA_LOCKFILE, plugins.lock.json)" },
  "data-dir": { type: "string", value: "D", description: "where data is kept (PAGODA_DATA_DIR, .pagoda)" },
  help: { type: "boolean", short: "h", description: "show this" },
}

export const yesFlag: Flag = {
  type: "boolean",
  short: "y",
  description: "answer yes to every question, grants included",
}
export const jsonFlag: Flag = { type: "boolean", description: "print JSON" }
