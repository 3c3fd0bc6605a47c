import { runCommand } from "./cli/run.ts"
import { readEnvironment } from "./config.ts"
import { jobProcessCommand } from "./plugins/job-process/messages.ts"

// Taken before anything foreign runs, which may leave another in its place.
const { exit } = process

const argv = Bun.argv.slice(2)
if (argv[0] === jobProcessCommand) {
  const { jobProcess } = await import("./cli/job-process.ts")
  exit(await jobProcess())
}
exit(await runCommand(argv, readEnvironment()))
