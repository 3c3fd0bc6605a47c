import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"
import { attributes, entityCount, toAttrs, toName } from "./data-rows.ts"
import { seedEntries } from "./data-seed.ts"
import { startProgram } from "./program.ts"
import type { Row } from "./report.ts"

export type TransferBench = { folder: string; pagoda: string[] }

const exported = 100_000
const imported = 10_000
const quiet = { PAGODA_LOG_LEVEL: "error" }
/** Milliseconds. */
const longestWait = 20

type Ask = (path: string, init?: { type: string; body: string }) => Promise<Response>

/** Files of many entries on SQLite, and how long everyone else waits meanwhile. */
export async function benchTransfer({ folder, pagoda }: TransferBench): Promise<Row[]> {
  const cwd = join(folder, "transfer")
  mkdirSync(cwd)
  const env = { ...quiet, HOME: cwd }
  const run = $.cwd(cwd).env({ ...env, PATH: "/usr/bin:/bin" })
  await run`${pagoda} user create bench --admin`.quiet()
  const { token } = await run`${pagoda} token create bench --json`.quiet().json()
  const headers = { authorization: `Bearer ${token}` }
  const start = () => startProgram([...pagoda, "serve"], { cwd, env, path: "/api/v2/me", headers })

  let host = await start()
  const ask: Ask = async (path, { type, body } = { type: "application/json", body: "" }) => {
    const init = body === "" ? { headers } : { method: "POST", body, headers: { ...headers, "content-type": type } }
    const answer = await fetch(host.url + path, init)
    if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${await answer.text()}`)
    return answer
  }
  const create = async (name: string): Promise<number> => {
    const body = JSON.stringify({ name, attrs: attributes })
    return ((await (await ask("/api/v2/entities", { type: "application/json", body })).json()) as { id: number }).id
  }
  const from = await create("From")
  const to = await create("To")
  await host.stop()
  await seedEntries({ file: join(cwd, ".pagoda", "pagoda.db") }, Array(entityCount).fill(from), 0, exported)
  host = await start()

  const rows: Row[] = []
  for (const format of ["csv", "json"]) {
    const body = JSON.stringify({ format })
    const path = `/api/v2/entities/${from}/export`
    rows.push(...toRows(`export as ${format}`, exported, await measure(ask, path, { type: "application/json", body })))
  }
  const file = JSON.stringify(
    Array.from({ length: imported }, (_, number) => ({ name: toName(number), attrs: toAttrs(number) })),
  )
  const path = `/api/v2/entities/${to}/import`
  rows.push(...toRows("import", imported, await measure(ask, path, { type: "application/json", body: file }), 500))
  await host.stop()
  return rows
}

/** `idle`: the p99 while nothing else was asked, which on a busy machine is not the host's doing. */
type Measured = { seconds: number; p99: number; idle: number }

/** Starts a job and asks for something else until it is over. */
async function measure(ask: Ask, path: string, file: { type: string; body: string }): Promise<Measured> {
  const waits: number[] = []
  const look = async (times: number) => {
    for (let time = 0; time < times; time++) {
      const asked = performance.now()
      await (await ask("/health/live")).arrayBuffer()
      waits.push(performance.now() - asked)
    }
  }
  await look(500)
  waits.length = 0
  await look(2_000)
  const idle = toP99(waits.splice(0))
  const began = performance.now()
  const { id } = (await (await ask(path, file)).json()) as { id: number }
  for (;;) {
    await look(50)
    const job = (await (await ask(`/api/v2/jobs/${id}`)).json()) as { status: string; error: string }
    if (job.status === "done") break
    if (job.status === "error") throw new Error(`The job ended with ${job.error}`)
  }
  return { seconds: (performance.now() - began) / 1000, p99: toP99(waits), idle }
}

function toP99(waits: number[]): number {
  return waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)] ?? 0
}

function toRows(what: string, count: number, { seconds, p99, idle }: Measured, wanted = 0): Row[] {
  const perSecond = count / seconds
  return [
    {
      what: `${what} of ${count} entries`,
      value: `${perSecond.toFixed(0)}/s, ${seconds.toFixed(1)} s`,
      target: `≥ ${wanted}/s`,
      isMet: perSecond >= wanted,
    },
    {
      what: `p99 of GET /health/live meanwhile`,
      value: `${p99.toFixed(1)} ms, ${idle.toFixed(1)} ms before`,
      target: `< ${longestWait} ms`,
      isMet: p99 < longestWait,
    },
  ]
}
