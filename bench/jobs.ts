import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"
import { createPostgresDatabase } from "../tests/support/postgres.ts"
import { type RoundResult, toLatencies, toRound } from "./job-rounds.ts"
import { startProgram } from "./program.ts"
import { atLeast, atMost, median, type Row } from "./report.ts"

export type JobBench = { folder: string; pagoda: string[]; rounds: number }

const many = "5000x10"
const oneByOne = "1000x1"
const warmUp = "1000x10"
const quiet = { PAGODA_LOG_LEVEL: "error" }

/** Jobs from `api.jobs.create` in a plugin's route to their end in that plugin's code, beside a queue with nothing around it. */
export async function benchJobs(options: JobBench, dialect: "sqlite" | "postgres"): Promise<Row[]> {
  const { folder, rounds } = options
  const cwd = join(folder, `jobs-${dialect}`)
  mkdirSync(cwd)
  const databases = dialect === "postgres" ? [await createPostgresDatabase(), await createPostgresDatabase()] : []
  const [ourUrl, bareUrl] = databases.map(({ url }) => url)
  const ours = await startOurs(options, cwd, ourUrl)
  const all: { [side in "bare" | "full"]: { many: RoundResult[]; one: RoundResult[] } } = {
    bare: { many: [], one: [] },
    full: { many: [], one: [] },
  }
  for (let round = 0; round < rounds; round++) {
    const bare = await runBare(cwd, bareUrl)
    all.bare.many.push(bare[0] as RoundResult)
    all.bare.one.push(bare[1] as RoundResult)
    all.full.many.push(await ours.run(many))
    all.full.one.push(await ours.run(oneByOne))
  }
  await ours.stop()
  for (const { drop } of databases) await drop()

  const mid = (results: RoundResult[], key: keyof RoundResult) => median(results.map((result) => result[key]))
  const rate = (results: RoundResult[]) => (toRound(many).jobs / mid(results, "all_ms")) * 1_000
  const [one, other] = [rate(all.bare.many), rate(all.full.many)]
  const latency = (key: "p50" | "p99") => {
    const [bare, full] = [mid(all.bare.one, key), mid(all.full.one, key)]
    return atMost(`${dialect}: enqueue ${key}`, `${full.toFixed(2)} ms, bare ${bare.toFixed(2)} ms`, full / bare, 2)
  }
  const rates = `${other.toFixed(0)}/s, bare ${one.toFixed(0)}/s`
  return [atLeast(`${dialect}: jobs, end to end`, rates, other / one, 0.7), latency("p50"), latency("p99")]
}

async function runBare(cwd: string, url: string | undefined): Promise<RoundResult[]> {
  const file = join(cwd, "bare.db")
  for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true })
  const program = join(import.meta.dir, "bare-jobs.ts")
  const text = await $`${process.execPath} ${program} ${url ?? file} ${warmUp} ${many} ${oneByOne}`.text()
  const [, ...results] = text.trim().split("\n")
  return results.map((line) => JSON.parse(line))
}

async function startOurs({ pagoda }: JobBench, cwd: string, url: string | undefined) {
  const env: Record<string, string> = { ...quiet, HOME: cwd, ...(url !== undefined && { DATABASE_URL: url }) }
  const run = $.cwd(cwd).env({ ...env, PATH: "/usr/bin:/bin" })
  await run`${pagoda} plugin add ${join(import.meta.dir, "jobs-plugin")} --yes`.quiet()
  await run`${pagoda} user create bench --admin`.quiet()
  const { token } = await run`${pagoda} token create bench --json`.quiet().json()
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  const host = await startProgram([...pagoda, "serve"], { cwd, env, path: "/api/v2/me", headers })
  const limits = `${host.url}/api/v2/admin/plugins/bench-jobs/limits`
  const unlimited = JSON.stringify({ jobs_per_minute: 1_000_000 })
  const changed = await fetch(limits, { method: "PATCH", headers, body: unlimited })
  if (!changed.ok) throw new Error(`The plugin's limit is not changed: ${await changed.text()}`)
  const jobs = `${host.url}/api/v2/jobs?limit=1`
  const count = async (query = "") => {
    const answer = await fetch(jobs + query, { headers })
    return ((await answer.json()) as { count: number }).count
  }
  const side = {
    stop: host.stop,
    async run(text: string): Promise<RoundResult> {
      const round = toRound(text)
      const wanted = (await count()) + round.jobs
      const began = performance.now()
      const body = JSON.stringify({ jobs: round.jobs, at_once: round.atOnce })
      const made = await fetch(`${host.url}/api/v2/plugins/bench-jobs/make`, { method: "POST", headers, body })
      if (!made.ok) throw new Error(`The jobs were not made: ${await made.text()}`)
      const { times } = (await made.json()) as { times: number[] }
      while ((await count("&status=done")) < wanted) await Bun.sleep(10)
      return { ...toLatencies(times), all_ms: performance.now() - began }
    },
  }
  await side.run(warmUp)
  return side
}
