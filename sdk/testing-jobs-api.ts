import type { JobFilter, JobsApi } from "./api.ts"
import type { Job, Json, User } from "./data.ts"
import { PluginError, PluginValidationError } from "./errors.ts"
import type { JobDefinition, PluginDefinition } from "./plugin.ts"
import type { TestJob, TestJobs } from "./testing-jobs.ts"

/** What `api.jobs.schedule` asked for; a test runs such a job with `runJob`. */
export type TestSchedule = {
  operation: number
  /** Five fields in UTC, or a nickname such as `@hourly`; nothing checks it here. */
  cron: string
  params: Json
  /** `null`: scheduled where nobody was logged in, as in `initialize`. */
  user: User | null
}

export type TestJobsApiOptions = {
  definition: PluginDefinition
  jobs: TestJobs
  user: User | null
  self(): User
  need(permission: string): void
  guard<Values extends unknown[], Result>(call: (...values: Values) => Promise<Result>): typeof call
}

export function createTestJobsApi({ definition, jobs, user, self, need, guard }: TestJobsApiOptions): JobsApi {
  const find = (id: number): TestJob => {
    const job = jobs.all.find((one) => one.id === id)
    if (job && (self().is_admin || job.user.id === self().id)) return job
    throw new PluginError(`There is no job ${id}`, { code: "NOT_FOUND" })
  }
  return {
    create: guard(async (request) => {
      need("jobs:create")
      return toJob(jobs.create(request, self()))
    }),
    get: guard(async (id: number) => toJob(find(id))),
    list: guard(async (filter: JobFilter = {}) =>
      toList(
        jobs.all.filter((job) => job.user.id === self().id && (filter.hidden || !jobs.isHidden(job))),
        filter,
      ),
    ),
    cancel: guard(async (id: number) => {
      const job = find(id)
      const isOpen = job.status === "preparing" || job.status === "processing"
      if (!isOpen || !job.cancelable) {
        throw new PluginError(`Cannot cancel job ${id}: it is "${job.status}"`, { code: "JOB_NOT_CANCELABLE" })
      }
      jobs.cancel(job)
      return toJob(job)
    }),
    register: guard(async (number: number, job: JobDefinition) => {
      if (typeof job?.run !== "function" || !job.name || !Number.isInteger(number) || number < 200 || number > 9999) {
        const message = `Plugin "${definition.id}" cannot register job ${number}: wanted 200–9999, a name and a "run"`
        throw new PluginValidationError(message, { code: "PLUGIN_INVALID" })
      }
      jobs.register(number, job)
    }),
    schedule: guard(async (operation: number, cron: string | null, params: Json = {}) => {
      need("jobs:create")
      jobs.schedule({ operation, cron, params: structuredClone(params), user })
    }),
  }
}

function toJob({ reports: _, logs: __, ...job }: TestJob): Job {
  return structuredClone(job)
}

function toList(jobs: TestJob[], { status, operation, limit = 30, offset = 0 }: JobFilter) {
  const found = jobs
    .filter(
      (job) =>
        (status === undefined || job.status === status) && (operation === undefined || job.operation === operation),
    )
    .toReversed()
  return { count: found.length, results: found.slice(offset, offset + limit).map(toJob) }
}
