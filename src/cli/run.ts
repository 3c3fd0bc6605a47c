import { type ConfigFlags, type Environment, readConfig, version, wantsColors, wantsStacks } from "../config.ts"
import { createLog } from "../log.ts"
import { commands } from "./commands.ts"
import { toErrorLine, toExitCode } from "./error-line.ts"
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
      colors: wantsColors(env, process.stderr),
    })
    const run = await command.load()
    return (await run({ args, flags, config, log })) ?? 0
  } catch (error) {
    await say(toErrorLine(error, wantsStacks(env)))
    return toExitCode(error)
  }
}
