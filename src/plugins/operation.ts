import type { Api, JobDefinition, User } from "@pagoda/sdk"
import type { Operation } from "../jobs/operations.ts"

/** A plugin's job definition as the runner takes it: with the contract's defaults, and with the plugin's `api`. */
export function toOperation(
  plugin: string,
  number: number,
  { run, ...definition }: JobDefinition,
  apiFor: (user: User) => Api,
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
    run: (context) => run({ ...context, params: context.params as never, api: apiFor(context.user) }),
  }
}
