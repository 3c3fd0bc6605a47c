import { Value } from "@sinclair/typebox/value"
import type { Api, JobRequest } from "./api.ts"
import type { Job, Json, User } from "./data.ts"
import { PluginError, PluginValidationError } from "./errors.ts"
import { type JobContext, type JobDefinition, type PluginDefinition, t } from "./plugin.ts"
import type { TestLogLine } from "./testing-api.ts"
import type { TestSchedule } from "./testing-jobs-api.ts"

/** One call of `progress`. */
export type TestReport = { progress: number; message: string }

/** A job with everything that it reported and said. */
export type TestJob = Job & { reports: TestReport[]; logs: TestLogLine[] }

export type TestJobs = {
  readonly all: TestJob[]
  readonly schedules: TestSchedule[]
  create(request: JobRequest, user: User): TestJob
  run(job: TestJob): Promise<TestJob>
  runWaiting(): Promise<TestJob[]>
  cancel(job: TestJob): void
  isHidden(job: TestJob): boolean
  register(number: number, definition: JobDefinition): void
  /** `cron` of `null` takes it back. */
  schedule(schedule: Omit<TestSchedule, "cron"> & { cron: string | null }): void
  abort(): void
}

type Jobs = Record<number, JobDefinition | undefined>

export function createTestJobs(definition: PluginDefinition, apiFor: (user: User) => Api): TestJobs {
  const operations: Jobs = { ...(definition.jobs as Jobs) }
  const schedules: TestSchedule[] = []
  const all: TestJob[] = []
  const users = new Map<TestJob, User>()
  const running = new Map<TestJob, AbortController>()

  const find = (number: number): JobDefinition => {
    const operation = operations[number]
    if (operation) return operation
    throw new PluginError(`Plugin "${definition.id}" has no job operation ${number}`, { code: "NOT_FOUND" })
  }

  const run = async (job: TestJob): Promise<TestJob> => {
    const operation = find(job.operation)
    const controller = new AbortController()
    const user = users.get(job) as User
    running.set(job, controller)
    Object.assign(job, { status: "processing", attempts: job.attempts + 1, started_at: now() })
    const progress: JobContext["progress"] = async (percent, message = job.message) => {
      if (!running.has(job)) return
      const report = { progress: Math.round(Math.min(100, Math.max(0, percent))), message }
      job.reports.push(report)
      if (job.status === "processing") Object.assign(job, report)
    }
    const { id, operation: number, target, attempts, created_at } = job
    const about = { id, operation: number, target, attempts, created_at }
    const outcome = await settle(() =>
      operation.run({
        params: job.params as never,
        user,
        api: withLogs(apiFor(user), job.logs),
        job: about,
        signal: controller.signal,
        progress,
      }),
    )
    running.delete(job)
    if (job.status === "processing") Object.assign(job, outcome, { finished_at: now() })
    return job
  }

  return {
    all,
    schedules,
    isHidden: (job) => operations[job.operation]?.hidden ?? false,
    register(number, job) {
      if (operations[number]) {
        throw new PluginError(`Job ${number} is there already`, { code: "JOB_NUMBER_TAKEN" })
      }
      operations[number] = job
    },
    schedule({ cron, ...schedule }) {
      const { operation, params } = schedule
      const before = schedules.findIndex((one) => one.operation === operation && isEqual(one.params, params))
      if (before >= 0) schedules.splice(before, 1)
      if (cron === null) return
      toParams(find(operation), params)
      schedules.push({ ...schedule, cron })
    },
    create({ operation: number, params, target = null }, user) {
      const operation = find(number)
      const job: TestJob = {
        id: all.length + 1,
        operation: number,
        operation_name: operation.name,
        plugin: definition.id,
        user: { id: user.id, username: user.username },
        target,
        status: "preparing",
        progress: 0,
        message: "",
        params: toParams(operation, params),
        text: null,
        error: null,
        attempts: 0,
        cancelable: operation.cancelable ?? true,
        downloadable: operation.downloadable ?? false,
        created_at: now(),
        started_at: null,
        finished_at: null,
        reports: [],
        logs: [],
      }
      all.push(job)
      users.set(job, user)
      return job
    },
    run,
    async runWaiting() {
      const ended: TestJob[] = []
      // Not a snapshot: a job may make others.
      for (const job of all) if (job.status === "preparing") ended.push(await run(job))
      return ended
    },
    cancel(job) {
      Object.assign(job, { status: "canceled", finished_at: now() })
      running.get(job)?.abort()
    },
    abort() {
      for (const controller of running.values()) controller.abort()
    },
  }
}

/** What a job says is kept with it, whoever it acts for. */
function withLogs(api: Api, logs: TestLogLine[]): Api {
  const both =
    (level: TestLogLine["level"]) =>
    async (message: string, fields: Record<string, Json> = {}) => {
      logs.push({ level, message, fields })
      await api.log[level](message, fields)
    }
  return {
    ...api,
    log: { debug: both("debug"), info: both("info"), warn: both("warn"), error: both("error") },
    as: async (user) => withLogs(await api.as(user), logs),
    asSystem: async () => withLogs(await api.asSystem(), logs),
  }
}

function isEqual(one: Json, other: Json): boolean {
  return Value.Equal(one, other)
}

function toParams(operation: JobDefinition, given: Json | undefined): Json {
  const schema = operation.params ?? t.Object({})
  const params = Value.Default(schema, structuredClone(given ?? {})) as Json
  const problem = Value.Errors(schema, params).First()
  if (!problem) return params
  const path = `params${problem.path.replaceAll("/", ".")}`
  throw new PluginValidationError(`The params do not fit ${operation.name}: ${path}: ${problem.message}`, { path })
}

async function settle(run: () => Promise<unknown>): Promise<Partial<Job>> {
  try {
    const result = await run()
    const text = typeof result === "string" ? result : (JSON.stringify(result) ?? null)
    return { status: "done", progress: 100, text }
  } catch (error) {
    return { status: "error", error: error instanceof Error ? error.message : String(error) }
  }
}

function now(): string {
  return new Date().toISOString()
}
