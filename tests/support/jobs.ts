import type { Job, User } from "@pagoda/sdk"
import { type Jobs, openJobs } from "../../src/jobs/jobs.ts"
import { createOperations, type Operation, type Operations } from "../../src/jobs/operations.ts"
import { openQueue } from "../../src/jobs/queue/open.ts"
import { createLog } from "../../src/log.ts"
import type { TestDatabase } from "./database.ts"

export const alice = toUser("alice")
export const bob = toUser("bob")
export const root = { ...toUser("root"), is_admin: true }

export type TestJobs = Jobs & { operations: Operations; lines: string[]; users: Map<string, User> }

/** Jobs on a database; `dispose` closes them. */
export async function openTestJobs(
  database: TestDatabase,
  operations: Operation[] = [],
): Promise<TestJobs & AsyncDisposable> {
  const jobs = await startTestJobs(database, operations)
  return Object.assign(jobs, {
    async [Symbol.asyncDispose]() {
      await jobs.close({ grace_ms: 0 })
    },
  })
}

export async function startTestJobs(database: TestDatabase, list: Operation[] = []): Promise<TestJobs> {
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const operations = createOperations()
  for (const operation of list) operations.register(operation)
  const users = new Map([alice, bob, root].map((user) => [user.id, user]))
  const jobs = openJobs({
    database,
    operations,
    queue: await openQueue({ url: database.place.url, database, log }),
    users: { get: async (id) => users.get(id) ?? null },
    log,
  })
  await jobs.start()
  return Object.assign(jobs, { operations, lines, users })
}

export function toOperation(operation: Pick<Operation, "run"> & Partial<Operation>): Operation {
  return {
    number: 1001,
    plugin: "sample",
    name: "SAMPLE",
    parallelizable: true,
    cancelable: true,
    downloadable: false,
    hidden: false,
    attempts: 1,
    ...operation,
  }
}

/** Every state that is told about a job, from now to its end. */
export async function follow(jobs: Jobs, id: number, until?: (job: Job) => boolean): Promise<Job[]> {
  const told: Job[] = []
  for await (const { data } of jobs.events(id, root, { signal: AbortSignal.timeout(20_000) })) {
    told.push(data)
    if (until?.(data)) break
  }
  return told
}

/** The job once it has ended. */
export async function finish(jobs: Jobs, id: number): Promise<Job> {
  return (await follow(jobs, id)).at(-1) as Job
}

function toUser(username: string): User {
  return { id: `id-of-${username}`, username, email: null, is_admin: false, is_readonly: false, is_active: true }
}
