import { type JobDefinition, type JobRequest, type JobsApi, type Json, t, type User } from "@pagoda/sdk"
import { systemUser } from "../core/access.ts"
import { PagodaError } from "../errors.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Operations } from "../jobs/operations.ts"
import { readArguments } from "./api-arguments.ts"
import { guard } from "./api-error.ts"
import { jobProblems } from "./check.ts"
import type { PluginLimits } from "./limits.ts"
import { overLimit } from "./over-limit.ts"

/** Adds an operation to those of the plugin, until it leaves. */
export type RegisterJob = (number: number, definition: JobDefinition) => void

export type JobsApiContext = {
  readonly id: string
  readonly jobs: Jobs
  readonly operations: Operations
  readonly user: User | null
  readonly register: RegisterJob
  readonly limits: PluginLimits
  /** @throws FORBIDDEN where nobody is logged in */
  self(): User
  /** @throws PERMISSION_MISSING */
  need(permission: string): void
}

const created = [t.Object({ operation: t.Integer() })]
const scheduled = [t.Integer(), t.Union([t.String(), t.Null()]), t.Optional(t.Unknown())]

/** The jobs of one plugin's operations. */
export function createJobsApi(context: JobsApiContext): JobsApi {
  const { id, jobs, operations, user, register, limits, self, need } = context
  const own = async (number: number) => {
    const job = await jobs.get(number, self())
    if (job.plugin === id) return job
    throw new PagodaError("NOT_FOUND", `There is no job ${number} of plugin "${id}"`)
  }
  const requireOwn = (operation: number) => {
    if (operations.get(operation)?.plugin === id) return
    throw new PagodaError("VALIDATION_FAILED", `Plugin "${id}" has no job operation ${operation}`, {
      issues: [{ path: "operation", message: "is no operation of this plugin", code: "OPERATION_UNKNOWN" }],
    })
  }

  return {
    create: guard(async (...values: [JobRequest]) => {
      need("jobs:create")
      const [{ operation, params, target }] = readArguments("api.jobs.create", created, values) as typeof values
      requireOwn(operation)
      if (!limits.take("jobs_per_minute")) throw overLimit(limits, "jobs_per_minute", "create a job")
      return jobs.create({ operation, params, target, user: self() })
    }),
    get: guard(own),
    list: guard(async (filter = {}) => jobs.list(self(), { limit: 30, offset: 0, ...filter, plugin: id })),
    cancel: guard(async (number: number) => jobs.cancel((await own(number)).id, self())),
    register: guard(async (number: number, definition: JobDefinition) => {
      for (const problem of jobProblems(String(number), definition)) {
        throw new PagodaError("PLUGIN_INVALID", `Plugin "${id}" cannot register a job: ${problem}`, { plugin: id })
      }
      register(number, definition)
    }),
    schedule: guard(async (...values: [number: number, cron: string | null, params?: Json]) => {
      need("jobs:create")
      const [operation, cron, params] = readArguments("api.jobs.schedule", scheduled, values) as typeof values
      if (cron !== null) requireOwn(operation)
      await jobs.schedule({ operation, plugin: id, cron, params, user: user ?? systemUser })
    }),
  }
}
