import { containForeignCode } from "../containment.ts"
import { attributePlugin } from "../plugins/import.ts"
import { runJobProcess } from "../plugins/job-process/child.ts"
import { toErrorLine, toExitCode } from "./error-line.ts"
import { say } from "./output.ts"

/** Not for people: what `serve` and `worker` start for the jobs of plugins. */
export async function jobProcess(): Promise<number> {
  try {
    return await runJobProcess({
      contain: (log, onFailure) => void containForeignCode(log, attributePlugin, onFailure),
    })
  } catch (error) {
    await say(toErrorLine(error, false))
    return toExitCode(error)
  }
}
