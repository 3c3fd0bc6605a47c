import type { Api, JobDefinition, User } from "@pagoda/sdk"
import type { Operation } from "../jobs/operations.ts"
import { withJobLog } from "./api-job-log.ts"
import type { Work } from "./job-process/task.ts"

/** A plugin's job definition as the runner takes it: with the contract's defaults, and with the plugin's `api`. */
export function toOperation(
  plugin: string,
  number: number,
  { run, ...definition }: JobDefinition,
  { apiFor, work }: { apiFor: (user: User) => Api; work: Work },
): Operation {
  return {
    parallelizable: false,
    cancelable: true,
    downloadable: false,
    hidden: false,
    attempts: 1,
    ...definition,
    number,
    plugin,
    run(context) {
      const { user, params, job, signal, progress, log } = context
      const api = withJobLog(apiFor(user), log)
      const here = async () => run({ user, params: params as never, job, signal, progress, api })
      return work({ context, api, here })
    },
  }
}
