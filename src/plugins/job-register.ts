import type { Api, JobDefinition, User } from "@pagoda/sdk"
import { PagodaError } from "../errors.ts"
import { InterruptedError } from "../jobs/interruption.ts"
import type { Operations } from "../jobs/operations.ts"
import type { Undo } from "../undo.ts"
import { jobProblems } from "./check.ts"
import type { Work } from "./job-process/task.ts"
import { toOperation } from "./operation.ts"
import type { Registrations } from "./registrations.ts"

/** A version of a plugin is prepared beside an older one, takes its place, and leaves. */
export type Stage = "coming" | "there" | "leaving"

/** Job operations of one version of a plugin. */
export type JobRegister = {
  /** One whose definition is in the host. @throws JOB_NUMBER_TAKEN, PLUGIN_FAILED where the plugin has left */
  add(number: number, job: JobDefinition, work: Work): Undo
  /** One that only a job process has; nothing where the plugin has it already. @throws as `add`, and PLUGIN_INVALID */
  addElsewhere(number: number, job: Omit<JobDefinition, "run">, work: Work): Undo | undefined
}

export type JobRegisterContext = {
  readonly id: string
  readonly operations: Operations
  readonly registrations: Registrations
  readonly granted: ReadonlySet<string>
  readonly hasOlder: boolean
  stage(): Stage
  apiFor(user: User): Api
  onFailure(error: unknown): void
}

export function createJobRegister(context: JobRegisterContext): JobRegister {
  const { id, operations, registrations, granted, hasOlder, stage, apiFor, onFailure } = context
  const isOwn = (number: number) => operations.get(number)?.plugin === id

  const add: JobRegister["add"] = (number, job, work) => {
    if (stage() === "leaving")
      throw new PagodaError("PLUGIN_FAILED", `Plugin "${id}" has left: it cannot register job ${number}`)
    const operation = { ...toOperation(id, number, job, { apiFor, work }), onFailure, system: granted.has("system") }
    // a number of the older version stays with it until that leaves; others are there for `initialize` already
    const isOlders = stage() === "coming" && hasOlder && isOwn(number)
    return registrations.add(() => operations.register(operation), isOlders ? undefined : "now")
  }

  return {
    add,
    addElsewhere(number, job, work) {
      if (isOwn(number)) return undefined
      const run = async () => {
        throw new InterruptedError("The job process that registered its operation has ended")
      }
      for (const problem of jobProblems(String(number), { ...job, run })) {
        throw new PagodaError("PLUGIN_INVALID", `Plugin "${id}" cannot register a job: ${problem}`, { plugin: id })
      }
      return add(number, { ...job, run }, work)
    },
  }
}
