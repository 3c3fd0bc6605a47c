import type { Api, JobDefinition } from "@pagoda/sdk"
import type { RunContext } from "../../jobs/operations.ts"
import type { Undo } from "../../undo.ts"
import type { Bundle } from "../bundle.ts"
import type { Actors } from "./calls.ts"
import type { RemoteDatabase } from "./messages.ts"
import type { JobProcess } from "./process.ts"

/** A plugin whose handlers run in job processes. */
export type JobPlugin = {
  readonly bundle: Bundle
  /** What `initialize` gets there. */
  readonly api: Api
  readonly database: RemoteDatabase
  /** Adds an operation whose handler a job process has; `undefined` where the plugin has that operation in the host. */
  register(number: number, definition: Omit<JobDefinition, "run">, work: Work): Undo | undefined
}

/** What an operation of a plugin does for one job: with the job's own `api`, and `here` to run a handler of the host's. */
export type Work = (job: { context: RunContext; api: Api; here(): Promise<unknown> }) => Promise<unknown>

/** A plugin under the number that messages name it by: another version is another one. */
export type PluginEntry = JobPlugin & { readonly key: number; readonly actors: Actors; hasLeft: boolean }

/** One run of a handler, on its way to a process or in one. */
export type Task = Parameters<Work>[0] & {
  readonly plugin: PluginEntry
  readonly number: number
  readonly actors: Actors
  readonly outcome: PromiseWithResolvers<unknown>
  /** The processes that have its handler; left out: any can load it. */
  readonly among: ReadonlySet<JobProcess> | undefined
}
