import { afterAll, beforeAll, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { removeFolders } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { good, misbehaving } from "../support/misbehaving.ts"
import { untilSaid } from "../support/pagoda.ts"
import { makePluginFolder } from "../support/plugin-host.ts"

// The table "What a misbehaving plugin does to the others" of the README is what is seen here.

let host: TestHost
let load: { stop(): Promise<{ answers: number; wrong: string[]; longest: number }> }

const pathOf = (id: string, path = "") => `/api/v2/plugins/${id}${path}`
const stateOf = async (id: string) => (await host.ask(pathOf(id))).body.state
const refusedOf = async (id: string) => {
  const { body } = await host.ask(`/api/v2/admin/plugins/${id}/limits`)
  return Object.fromEntries(Object.entries(body).map(([name, { refused }]: [string, any]) => [name, refused]))
}
const untilQuarantined = (id: string) => askUntil(host, pathOf(id), ({ state }) => state === "quarantined")
const askTimes = async (times: number, path: string) => {
  for (let nth = 1; nth <= times; nth++) await host.ask(path)
}

beforeAll(async () => {
  host = await startTestHost({ cwd: await makePluginFolder({ good, ...misbehaving }) })
  await host.ask("/api/v2/entities", { body: { name: "Server", attrs: [] } })
  load = startLoad()
}, 60_000)

afterAll(async () => {
  await host?.stop("SIGKILL")
  await removeFolders()
})

/** The good plugin, and reads and writes of the core, all the time. */
function startLoad() {
  let isRunning = true
  let answers = 0
  let longest = 0
  const wrong: string[] = []
  const run = async (toRequest: (nth: number) => [path: string, options?: object, status?: number]) => {
    for (let nth = 0; isRunning; nth++) {
      const [path, options, wanted = 200] = toRequest(nth)
      const began = performance.now()
      const { status, body } = await host.ask(path, options)
      longest = Math.max(longest, performance.now() - began)
      answers++
      if (status !== wanted) wrong.push(`${path} ${status} ${JSON.stringify(body)}`)
    }
  }
  const all = Promise.all([
    run(() => [pathOf("good", "/version")]),
    run(() => ["/api/v2/me"]),
    run(() => ["/api/v2/entries?entity=Server&limit=3"]),
    run((nth) => ["/api/v2/entities/1/entries", { body: { name: `load${nth}`, attrs: {} } }, 201]),
  ])
  return {
    async stop() {
      isRunning = false
      await all
      return { answers, wrong, longest }
    },
  }
}

test("every one of them is active at first", async () => {
  for (const id of Object.keys(misbehaving)) {
    const { body } = await host.ask(pathOf(id))
    // the load runs into the hooks of these two
    const states = ["throws-everywhere", "never-settles"].includes(id) ? ["active", "quarantined"] : ["active"]
    expect(states, `${id}: ${JSON.stringify(body.error)}`).toContain(body.state)
  }
})

test("throws in each place: quarantined after the sixth time", async () => {
  await askTimes(6, pathOf("throws-everywhere", "/now"))
  await untilQuarantined("throws-everywhere")
  await untilSaid(host, 'Cannot dispose plugin \\"throws-everywhere\\": it threw: dispose', 15_000)
})

test("never settles: its hooks time out until it is quarantined", async () => {
  await untilQuarantined("never-settles")
  expect((await host.ask(pathOf("never-settles", "/now"))).status).toBe(404)
})

test("leaks 200 MB: the memory is gone, and nothing else happens", async () => {
  const before = memory()
  expect(await host.ask(pathOf("leaks-memory", "/now"))).toMatchObject({ status: 200 })
  expect(memory() - before).toBeGreaterThan(150)
  expect(await stateOf("leaks-memory")).toBe("active")
})

test("floods the log: what is too much is dropped and counted", async () => {
  expect(await host.ask(pathOf("floods-the-log", "/now"))).toMatchObject({ status: 200 })
  await untilSaid(host, 'Plugin \\"floods-the-log\\" writes too much: ')
  const lines = host
    .stderr()
    .split("\n")
    .filter((line) => line.includes('"message":"flood')).length
  expect(lines).toBeGreaterThan(99)
  expect(lines).toBeLessThan(5_000)
  expect((await refusedOf("floods-the-log")).log_lines_per_second).toBe(40_000 - lines)
  expect(await stateOf("floods-the-log")).toBe("active")
})

test("floods jobs: refused with 429 beyond its limit, and the good plugin's jobs run", async () => {
  await host.ask("/api/v2/admin/plugins/floods-jobs/limits", { method: "PATCH", body: { jobs_per_minute: 600 } })
  const { status, body } = await host.ask(pathOf("floods-jobs", "/now"))
  expect({ status, code: body.code, plugin: body.plugin }).toEqual({
    status: 429,
    code: "LIMIT_EXCEEDED",
    plugin: "floods-jobs",
  })
  expect((await refusedOf("floods-jobs")).jobs_per_minute).toBe(1)
  const { body: job } = await host.ask(pathOf("good", "/job"), { method: "POST" })
  await askUntil(host, `/api/v2/jobs/${job.id}`, ({ status }) => status === "done", 30_000)
})

test("replaces globals: only its own are replaced", async () => {
  const { status, body } = await host.ask(pathOf("replaces-globals", "/now"))
  expect({ status, body }).toEqual({ status: 200, body: ["number", "mine"] })
})

test("answers 1 GB: refused before the first byte, and a stream is cut", async () => {
  const { status, body } = await host.ask(pathOf("answers-too-much", "/now"))
  expect({ status, code: body.code }).toEqual({ status: 500, code: "ANSWER_TOO_LARGE" })
  const cut = await host.ask(pathOf("answers-too-much", "/stream")).then(
    ({ body }) => body.length,
    () => 0,
  )
  expect(cut).toBeLessThan(65 * 1024 ** 2)
  // a client may ask again where its connection was cut
  expect((await refusedOf("answers-too-much")).answer_bytes).toBeGreaterThan(1)
  await askTimes(4, pathOf("answers-too-much", "/now"))
  await untilQuarantined("answers-too-much")
}, 60_000)

test("breaks its own database: its queries fail until it is quarantined", async () => {
  await askTimes(6, pathOf("breaks-its-database", "/now"))
  await untilQuarantined("breaks-its-database")
})

test("has 10 000 routes: they are served", async () => {
  const { body } = await host.ask(pathOf("has-10000-routes"))
  expect(body.routes).toHaveLength(10_000)
  expect((await host.ask(pathOf("has-10000-routes", "/9998"))).body).toBe("9998")
})

test("changes Object.prototype: adding to it fails in the plugin itself", async () => {
  for (const path of ["/now", "/merge"]) {
    expect((await host.ask(pathOf("changes-object-prototype", path))).status).toBe(500)
  }
  expect((await host.ask(pathOf("changes-object-prototype", "/seen"))).body).toBe("undefined")
})

test.each(["rejects-unhandled", "throws-in-a-timer"])("%s: quarantined, and its timers end with it", async (id) => {
  expect((await host.ask(pathOf(id, "/now"))).status).toBe(200)
  await untilQuarantined(id)
  await untilSaid(host, `Plugin \\"${id}\\" left 1 `, 15_000)
})

test("beside all of them the core and the good plugin answered every request", async () => {
  const { answers, wrong, longest } = await load.stop()
  console.log(`${answers} requests beside them, the longest took ${longest.toFixed(0)} ms`)
  expect(wrong).toEqual([])
  expect(answers).toBeGreaterThan(500)
})

test("what in-process isolation does not contain: a patched built-in, and an endless loop", async () => {
  const fields = `routes: (app) => app
    .get("/patch", () => { const { stringify } = JSON; JSON.stringify = (...values) => { seen++; return stringify(...values) }; return "patched" })
    .get("/seen", () => String(seen))
    .get("/loop", () => { for (;;); }),`
  const cwd = await makePluginFolder({ hostile: { body: "let seen = 0", fields } })
  const alone = await startTestHost({ cwd })
  try {
    await alone.ask(pathOf("hostile", "/patch"))
    await alone.ask("/api/v2/me")
    await alone.ask("/api/v2/nothing")
    expect(Number((await alone.ask(pathOf("hostile", "/seen"))).body)).toBeGreaterThan(0)
    const looping = alone.ask(pathOf("hostile", "/loop")).catch(() => {})
    const asked = fetch(`${alone.url}/health/live`, { signal: AbortSignal.timeout(1_000) })
    expect(await asked.then(String, (error) => error.name)).toBe("TimeoutError")
    await alone.stop("SIGKILL")
    await looping
  } finally {
    alone.process.kill("SIGKILL")
  }
})

/** Resident, in MB. */
function memory(): number {
  const pages = Number(readFileSync(`/proc/${host.process.pid}/statm`, "utf8").split(" ")[1])
  return (pages * 4096) / 1024 ** 2
}
