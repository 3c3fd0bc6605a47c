import type { Api, Json, User } from "@pagoda/sdk"
import { ReturnedText } from "../../src/jobs/text.ts"
import { createLog } from "../../src/log.ts"
import { bundlePlugin } from "../../src/plugins/bundle.ts"
import type { Limits } from "../../src/plugins/job-process/limits.ts"
import { toJobProgram } from "../../src/plugins/job-process/program.ts"
import type { Program } from "../../src/plugins/job-process/spawn.ts"
import type { JobPlugin } from "../../src/plugins/job-process/task.ts"
import { createJobProcesses, type JobProcesses, type PluginJobs } from "../../src/plugins/job-process.ts"
import { openStore } from "../../src/plugins/store.ts"
import { makeFolder } from "./folder.ts"
import { makeSource } from "./verified.ts"

const user: User = { id: "1", username: "alice", email: null, is_admin: false, is_readonly: false, is_active: true }

export type TestProcesses = JobProcesses &
  AsyncDisposable & { lines: string[]; late: [plugin: string, error: unknown][] }

/** Job processes of this very program, closed by `await using`. */
export async function openProcesses(
  limits: Partial<Limits> = {},
  program: Partial<Program> = {},
): Promise<TestProcesses> {
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  const made = { ...toJobProgram({ PATH: "/usr/bin:/bin" }, await makeFolder()), ...program }
  const late: TestProcesses["late"] = []
  const onLate = (...left: TestProcesses["late"][number]) => void late.push(left)
  const processes = createJobProcesses({ program: made, log, limits, onLate })
  return Object.assign(processes, { lines, late, [Symbol.asyncDispose]: () => processes.close() })
}

/** A plugin of this code, with `fields` after its id, name and version. */
export async function makeJobPlugin(
  fields: string,
  { api = {}, ...given }: Partial<Omit<JobPlugin, "api">> & { api?: object; body?: string } = {},
): Promise<JobPlugin> {
  const code = `import { definePlugin, job } from "@pagoda/sdk"
const pid = () => process.pid
export default definePlugin({ id: "tested", name: "Tested", version: "1.0.0", ${fields} })`
  const store = openStore(await makeFolder(), new Uint8Array(32))
  const grants = ["import:process"]
  const bundle = await bundlePlugin(await makeSource(code), { id: "tested", grants }, store)
  return {
    bundle,
    api: api as Api,
    database: { dialect: "sqlite", isGranted: false },
    register: () => undefined,
    ...given,
  }
}

export type TestRun = { params?: Json; api?: object; signal?: AbortSignal; told?: unknown[]; id?: number }

/** Runs a handler as an operation would; gives what it returned as its text. */
export async function run(
  jobs: PluginJobs,
  number: number,
  { params = {}, api = {}, signal, told, id = 1 }: TestRun = {},
) {
  const context = {
    params,
    user,
    job: { id, operation: number, target: null, attempts: 1, created_at: "2026-01-01T00:00:00.000Z" },
    signal: signal ?? new AbortController().signal,
    progress: async (...report: unknown[]) => void told?.push(report),
    log: () => {},
    output: () => {
      throw new Error("plugins have none")
    },
    warn: () => {},
  }
  const here = async () => "in the host"
  const value = await jobs.work(number)({ context, api: api as Api, here })
  return value instanceof ReturnedText ? value.returned.text : value
}
