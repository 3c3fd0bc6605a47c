import { readFileSync } from "node:fs"
import { askUntil, type TestHost } from "./host.ts"
import type { PluginCode } from "./plugin-host.ts"

/** A plugin whose route starts its jobs, and whose jobs do what a test needs. */
export const jobPluginOf = (version: string): PluginCode => ({
  permissions: [
    "jobs:create",
    "entries:read",
    "entries:write",
    "entities:read",
    "users:read",
    "env:PATH",
    "import:process",
  ],
  body: `import { reject, t } from "@pagoda/sdk"
const VERSION = ${JSON.stringify(version)}
let runs = 0
let initialized = 0
const anything = t.Record(t.String(), t.Unknown())
const job = (name, run, more = {}) => ({ name, params: anything, parallelizable: true, run, ...more })
const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); }
const aborted = (signal) => new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)))`,
  fields: `
  initialize: async (api) => {
    initialized++
    await api.jobs.register(790, job("LATE", async () => ({ pid: process.pid })))
  },
  routes: (app) => app
    .get("/host", () => ({ pid: process.pid, initialized }))
    .post("/start", async ({ api, body }) => {
      const { operation, params = {}, times = 1, target } = body
      const made = []
      for (let time = 0; time < times; time++) made.push((await api.jobs.create({ operation, params, target })).id)
      return made
    })
    .post("/register", async ({ api }) => {
      await api.jobs.register(791, job("FROM_A_ROUTE", async () => ({ pid: process.pid })))
      return "ok"
    }),
  jobs: {
    700: job("ECHO", async ({ params, user, job }) => ({ params, user: user.username, job, pid: process.pid, initialized, runs: ++runs })),
    701: job("BURN", async ({ params, progress }) => { await progress(1, "burning"); await null; spin(params.ms); return "burnt" }),
    702: job("LOOP", async ({ progress }) => { await progress(1, "looping"); for (;;); }, { timeout_ms: 300 }),
    703: job("EXIT", async () => process.exit(3)),
    704: job("KILL", async ({ job }) => { if (job.attempts === 1) process.kill(process.pid, "SIGKILL"); return job.attempts }),
    705: job("BIG", async ({ params }) => "x".repeat(params.length), { downloadable: true }),
    706: job("CALL", async ({ params, api }) => {
      const seen = []
      for (const { path, args } of params.calls) {
        let at = api
        const names = path.split(".")
        const name = names.pop()
        for (const part of names) at = at[part]
        try {
          const value = await at[name](...args)
          seen.push({ value: value instanceof Response ? [value.headers.get("content-type"), await value.text()] : value })
        } catch (error) {
          seen.push({ name: error.name, code: error.code, message: error.message, known: error instanceof Error })
        }
      }
      return seen
    }),
    707: job("WAIT", async ({ signal, progress }) => { await progress(5, "waiting"); await aborted(signal) }),
    708: job("FAIL", async () => { throw reject("it is refused", { path: "name" }) }),
    709: job("SLOW", async ({ params, progress }) => {
      await progress(1, String(process.pid))
      await new Promise((go) => setTimeout(go, params.ms))
      return { pid: process.pid, version: VERSION }
    }),
    710: job("DEAF", async ({ progress }) => { await progress(1, "deaf"); await new Promise(() => {}) }, { timeout_ms: 200 }),
    711: job("SAY", async ({ api }) => { console.log("said by console"); await api.log.info("said by api", { n: 1 }); process.stdout.write("said aloud\\n") }),
    712: job("ENVIRONMENT", async () => Object.keys(process.env).sort()),
    713: job("REGISTER", async ({ api }) => { await api.jobs.register(792, job("FROM_A_JOB", async ({ params }) => ({ pid: process.pid, params }), { params: t.Object({ n: t.Integer({ default: 7 }) }) })); return process.pid }),
  },`,
})

export const jobPlugin = jobPluginOf("1.0.0")

export type Ended = { id: number; status: string; text: string | null; error: string | null; attempts: number }

/** Starts jobs of the plugin's; gives their ids. */
export async function startJobs(
  host: TestHost,
  operation: number,
  params: object = {},
  options: { times?: number; plugin?: string; target?: object } = {},
): Promise<number[]> {
  const { plugin = "jobber", ...rest } = options
  const { status, body } = await host.ask(`/api/v2/plugins/${plugin}/start`, { body: { operation, params, ...rest } })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body
}

export async function endJob(host: TestHost, id: number, patience = 20_000): Promise<Ended> {
  const isOver = ({ status }: Ended) => status !== "preparing" && status !== "processing"
  return askUntil(host, `/api/v2/jobs/${id}`, isOver, patience)
}

/** Waits until the handler has said this with its progress. */
export async function untilTold(host: TestHost, id: number, wanted: (job: { message: string }) => boolean) {
  return askUntil(host, `/api/v2/jobs/${id}`, (job) => job.status === "processing" && wanted(job))
}

export async function runJob(host: TestHost, operation: number, params: object = {}): Promise<Ended> {
  const [id] = await startJobs(host, operation, params)
  return endJob(host, id as number)
}

/** Until the kernel has ended it. */
export async function untilDead(pid: number, patience = 10_000): Promise<void> {
  const end = performance.now() + patience
  while (isAlive(pid)) {
    if (performance.now() > end) throw new Error(`process ${pid} still lives`)
    await Bun.sleep(20)
  }
}

/** The job processes of a host, zombies aside: where nobody reaps, those stay. */
export async function jobProcesses(host: TestHost): Promise<number[]> {
  return childrenOf(host.process.pid)
}

export async function childrenOf(pid: number): Promise<number[]> {
  const children: number[] = []
  for (const task of new Bun.Glob("*/children").scanSync({ cwd: `/proc/${pid}/task`, onlyFiles: false })) {
    const text = await Bun.file(`/proc/${pid}/task/${task}`).text()
    children.push(...text.split(" ").filter(Boolean).map(Number))
  }
  return children.filter(isAlive)
}

export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return !/^\d+ \(.*\) [ZX]/s.test(stat)
  } catch {
    return false
  }
}
