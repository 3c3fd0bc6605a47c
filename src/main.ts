import { runCommand } from "./cli/run.ts"
import { readEnvironment } from "./config.ts"

// Taken before anything foreign runs, which may leave another in its place.
const { exit } = process

exit(await runCommand(Bun.argv.slice(2), readEnvironment()))
