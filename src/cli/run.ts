import { existsSync } from "node:fs"
import {
  type Config,
  type ConfigFlags,
  type Environment,
  readConfig,
  version,
  wantsColors,
  wantsStacks,
} from "../config.ts"
import { createLog, type Log } from "../log.ts"
import { commands } from "./commands.ts"
import { toErrorLine, toExitCode } from "./error-line.ts"
import { journalFolders } from "./journal.ts"
import { print, say } from "./output.ts"
import { parseCommandLine } from "./parse.ts"

/** Does what a command line says; gives the exit code: 0 fine, 1 the user's mistake or a failed check, 2 our bug. */
export async function runCommand(argv: string[], env: Environment): Promise<number> {
  try {
    const parsed = parseCommandLine(argv, commands)
    if (parsed.kind === "version") {
      await print(version)
      return 0
    }
    if (parsed.kind === "help") {
      const { formatHelp } = await import("./help.ts")
      await print(formatHelp(commands, parsed.topic))
      return 0
    }
    const { command, args, flags, issues } = parsed
    const config = readConfig({ env, flags: flags as ConfigFlags, issues })
    const log = createLog({
      level: config.logLevel,
      format: config.logFormat,
      colors: wantsColors(env, "stderr"),
    })
    await tellLeftovers(config, log)
    const run = await command.load()
    return (await run({ name: command.name, args, flags, config, log })) ?? 0
  } catch (error) {
    await say(toErrorLine(error, wantsStacks(env)))
    return toExitCode(error)
  }
}

/** Of commands that were killed: there is a folder only while one runs, or after that. */
async function tellLeftovers(config: Config, log: Log): Promise<void> {
  if (!Object.values(journalFolders(config)).some((folder) => existsSync(folder))) return
  const { clearLeftovers } = await import("./leftovers.ts")
  await clearLeftovers(config, log)
}
