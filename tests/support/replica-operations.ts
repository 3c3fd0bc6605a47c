import type { Operation } from "../../src/jobs/operations.ts"
import { toOperation } from "./jobs.ts"

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Operations that tell what they do: `ran <id>`. One ends only where it is not `isDeaf`: else it would keep its lane for ever. */
export function replicaOperations(say: (line: string) => void, { isDeaf }: { isDeaf: boolean }): Operation[] {
  return [
    toOperation({
      number: 1001,
      run: async ({ job }) => {
        say(`ran ${job.id}`)
        await pause(10)
      },
    }),
    toOperation({
      number: 1002,
      attempts: 2,
      run: async ({ job }) => {
        if (job.attempts === 1) throw new Error("not yet")
        say(`ran ${job.id}`)
      },
    }),
    toOperation({
      number: 1003,
      run: async ({ job, signal }) => {
        say(`began ${job.id}`)
        const end = Promise.withResolvers<void>()
        signal.addEventListener("abort", () => {
          say(`aborted ${job.id}`)
          end.resolve()
        })
        await Promise.race([end.promise, pause(7_000)])
      },
    }),
    toOperation({
      number: 1004,
      run: async ({ job }) => {
        say(`deaf ${job.id}`)
        await (isDeaf ? new Promise(() => {}) : pause(300))
      },
    }),
  ]
}
