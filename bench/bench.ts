/**
 * Compares Pagoda with the bare parts it is made of, in one run: a binary of each, the same load, medians. Prints ratios,
 * because absolute numbers change with the machine and its mood.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { $ } from "bun"
import { benchData } from "./data.ts"
import { benchHooks } from "./hooks.ts"
import { benchJobs } from "./jobs.ts"
import { requestsPerSecond } from "./load.ts"
import { type Started, startProgram } from "./program.ts"
import { atLeast, atMost, median, printReport, type Row } from "./report.ts"
import { benchTransfer } from "./transfer.ts"

const root = join(import.meta.dir, "..")
const rounds = Number(process.env.BENCH_ROUNDS ?? 7)
const folder = mkdtempSync(join(tmpdir(), "pagoda-bench-"))
const pagoda = join(folder, "pagoda")
const bare = join(folder, "bare")
const quiet = { PAGODA_LOG_LEVEL: "error", HOME: folder }

/** A folder with a lockfile of these plugins, a token, and a warm store. */
async function prepare(name: string, sources: string[]): Promise<{ cwd: string; token: string }> {
  const cwd = join(folder, name)
  mkdirSync(cwd)
  const run = $.cwd(cwd).env({ ...quiet, PATH: "/usr/bin:/bin" })
  for (const source of sources) await run`${pagoda} plugin add ${source} --yes`.quiet()
  await run`${pagoda} user create bench --admin`.quiet()
  const created = await run`${pagoda} token create bench --json`.quiet().json()
  return { cwd, token: created.token }
}

type Medians = { first: number; memory: number }

/** One after the other in each round, so that the machine's mood is the same for all. */
async function repeat(times: number, starts: (() => Promise<Started>)[]): Promise<Medians[]> {
  const all: Started[][] = starts.map(() => [])
  for (let round = 0; round < times; round++) {
    for (const [index, start] of starts.entries()) {
      const started = await start()
      await started.stop()
      all[index]?.push(started)
    }
  }
  return all.map((each) => ({
    first: median(each.map(({ firstAnswer }) => firstAnswer)),
    memory: median(each.map(({ memory }) => memory)),
  }))
}

async function benchStart(sample: { cwd: string; token: string }): Promise<Row[]> {
  const headers = { authorization: `Bearer ${sample.token}` }
  const path = "/api/v2/plugins/hello-world-plugin/hello"
  const ours = () => startProgram([pagoda, "serve"], { cwd: sample.cwd, env: quiet, path, headers })
  const theirs = () => startProgram([bare], { cwd: folder, env: {}, path: "/greet/World" })
  await repeat(2, [theirs, ours])
  const [one, other] = (await repeat(rounds, [theirs, ours])) as [Medians, Medians]
  const times = `${other.first.toFixed(0)} ms, bare ${one.first.toFixed(0)} ms`
  const memory = `${other.memory.toFixed(0)} MB, bare ${one.memory.toFixed(0)} MB`
  return [
    atMost("start to the first 200 of a plugin's route", times, other.first / one.first, 4),
    atMost("memory after that", memory, other.memory / one.memory, 2),
  ]
}

async function benchManyPlugins(): Promise<Row> {
  const served = new Map<string, string>()
  const web = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      const code = served.get(new URL(url).pathname)
      return new Response(code, { status: code ? 200 : 404, headers: { "content-type": "text/typescript" } })
    },
  })
  const plugins: Record<string, { source: string; isolation: string }> = {}
  for (let number = 0; number < 100; number++) {
    const id = `small-${number}`
    served.set(`/${id}.ts`, smallPlugin(id))
    plugins[id] = { source: `http://127.0.0.1:${web.port}/${id}.ts`, isolation: "in-process" }
  }
  const { cwd, token } = await prepare("many", [])
  writeFileSync(join(cwd, "plugins.lock.json"), JSON.stringify({ lockfileVersion: 1, plugins }))
  await $`${pagoda} lock --yes`
    .cwd(cwd)
    .env({ ...quiet, PATH: "/usr/bin:/bin" })
    .quiet()
  await web.stop(true)
  const headers = { authorization: `Bearer ${token}` }
  const start = () =>
    startProgram([pagoda, "serve"], { cwd, env: quiet, path: "/api/v2/plugins/small-99/hello", headers })
  await repeat(1, [start])
  const [{ first }] = (await repeat(Math.max(5, rounds), [start])) as [Medians]
  const what = "start to the first 200 with 100 plugins from a warm store"
  return { what, value: `${first.toFixed(0)} ms`, target: "≤ 600 ms", isMet: first <= 600 }
}

function smallPlugin(id: string): string {
  return `/** @pagoda {"id": "${id}"} */
import { definePlugin } from "@pagoda/sdk"
export default definePlugin({ id: "${id}", name: "${id}", version: "1.0.0", routes: (app) => app.get("/hello", () => "${id}") })
`
}

async function benchThroughput(): Promise<Row[]> {
  const { cwd, token } = await prepare("throughput", [join(root, "bench", "plugin")])
  const plugin = "/api/v2/plugins/bench"
  const one = await startProgram([bare], { cwd: folder, env: {}, path: "/greet/World" })
  const other = await startProgram([pagoda, "serve"], { cwd, env: quiet, path: `${plugin}/open/World` })
  const load = { seconds: 2, connections: 32 }
  const measured = { bare: [] as number[], open: [] as number[], token: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    measured.bare.push(await requestsPerSecond(`${one.url}/greet/World`, load))
    measured.open.push(await requestsPerSecond(`${other.url}${plugin}/open/World`, load))
    const headers = `Authorization: Bearer ${token}\r\n`
    measured.token.push(await requestsPerSecond(`${other.url}${plugin}/greet/World`, { ...load, headers }))
  }
  await one.stop()
  await other.stop()
  const base = median(measured.bare)
  const row = (what: string, values: number[], limit: number) => {
    const value = median(values)
    const text = `${(value / 1000).toFixed(1)} k/s, bare ${(base / 1000).toFixed(1)} k/s`
    return atLeast(what, text, value / base, limit)
  }
  return [
    row("requests per second, auth: false", measured.open, 0.85),
    row("requests per second, with a token", measured.token, 0.5),
  ]
}

async function buildBare(source: string, outfile: string): Promise<void> {
  await $`bun build --compile --production --minify --bytecode --format=esm ${source} --outfile ${outfile}`
    .cwd(root)
    .quiet()
}

/** `bun run bench data` runs the parts that are named, all of them when none is. */
const parts: Record<string, () => Promise<Row[]>> = {
  async start() {
    const sample = join(folder, "hello-world")
    cpSync(join(root, "plugin-samples", "hello-world"), sample, { recursive: true })
    return [...(await benchStart(await prepare("start", [sample]))), await benchManyPlugins()]
  },
  throughput: benchThroughput,
  async data() {
    const bareData = join(folder, "bare-data")
    await buildBare("bench/bare-data.ts", bareData)
    const options = { folder, pagoda: [pagoda], bare: [bareData], rounds: Math.ceil(rounds / 3) }
    return [...(await benchData(options, "sqlite")), ...(await benchData(options, "postgres"))]
  },
  async jobs() {
    const options = { folder, pagoda: [pagoda], rounds: Math.ceil(rounds / 2) }
    return [...(await benchJobs(options, "sqlite")), ...(await benchJobs(options, "postgres"))]
  },
  hooks: () => benchHooks(folder),
  transfer: () => benchTransfer({ folder, pagoda: [pagoda] }),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((part) => !(part in parts))
if (unknown.length > 0) {
  console.error(`There is no part "${unknown.join('", "')}", wanted some of "${Object.keys(parts).join('", "')}"`)
  process.exit(1)
}

try {
  console.log(`building both binaries; ${rounds} rounds each`)
  await $`bun scripts/build.ts ${pagoda}`.cwd(root).quiet()
  await buildBare("bench/bare.ts", bare)
  const rows: Row[] = []
  for (const [part, run] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(part)) rows.push(...(await run()))
  }
  printReport(rows)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
// the bench's own Postgres ends with this process, and this process would wait for it
process.exit()
