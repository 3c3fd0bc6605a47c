import { expect, test } from "bun:test"
import { reject } from "@pagoda/sdk"
import type { RunContext } from "../../src/jobs/operations.ts"
import { openTestApp, type TestApp } from "../support/app.ts"
import { eachDatabase, type TestDatabase } from "../support/database.ts"
import { parseExposition } from "../support/exposition.ts"
import { toTestHook, until } from "../support/hooks.ts"
import { alice, finish, toOperation } from "../support/jobs.ts"

async function openMeasured(open: () => Promise<TestDatabase>) {
  const app = await openTestApp(await open())
  const { headers } = await app.login("root", true)
  const read = async (more: Record<string, string> = {}) => {
    const response = await app.request("/metrics", { headers: { ...headers, ...more } })
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    return parseExposition(await response.text())
  }
  return Object.assign(app, { read, headers })
}

const untilAborted = ({ signal }: RunContext) =>
  new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)))

const sample = { operation: "1001", plugin: "sample" }

function register(app: TestApp, run: () => Promise<unknown>, more = {}) {
  app.jobs.operations.register(toOperation({ run, ...more }))
  app.jobs.users.set(alice.id, alice)
  return () => app.jobs.create({ operation: 1001, user: alice })
}

eachDatabase((_dialect, open) => {
  test("GET /metrics is for admins: 401 without credentials, 403 for everyone else", async () => {
    await using app = await openMeasured(open)
    expect((await app.request("/metrics")).status).toBe(401)
    const { headers } = await app.login("ana")
    const refused = await app.request("/metrics", { headers })
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({ code: "FORBIDDEN" })
    expect((await app.read()).value("pagoda_plugins", { state: "active" })).toBe(0)
  })

  test("jobs that wait and run are counted by operation, with the age of the oldest", async () => {
    await using app = await openMeasured(open)
    const gate = Promise.withResolvers<void>()
    const create = register(app, () => gate.promise, { parallelizable: false })
    await create()
    await until(async () => (await app.read()).value("pagoda_jobs_running", sample) === 1)
    const target = { type: "entry", id: 1, name: "" }
    for (let job = 0; job < 3; job++) await app.jobs.create({ operation: 1001, user: alice, target })
    const off = app.jobs.operations.register(toOperation({ number: 1002, run: async () => {} }))
    await off()
    await until(async () => (await app.read()).value("pagoda_jobs_running", sample) === 2)
    const before = await app.read()
    expect(before.value("pagoda_jobs_waiting", sample)).toBe(2)
    expect(before.value("pagoda_job_duration_seconds_count", sample)).toBeUndefined()
    const age = before.value("pagoda_jobs_oldest_waiting_seconds", sample) as number
    expect(age).toBeWithin(0, 60)
    await until(async () => ((await app.read()).value("pagoda_jobs_oldest_waiting_seconds", sample) as number) > age)
    gate.resolve()
    await until(async () => (await app.read()).value("pagoda_jobs_ended_total", { ...sample, status: "done" }) === 4)
    const after = await app.read()
    expect(after.value("pagoda_jobs_waiting", sample)).toBeUndefined()
    expect(after.value("pagoda_job_duration_seconds_count", sample)).toBe(4)
    expect(after.value("pagoda_job_duration_seconds_sum", sample)).toBeGreaterThan(age)
  })

  test("how jobs and their tries ended is counted, also of those that were canceled", async () => {
    await using app = await openMeasured(open)
    let fail = true
    const create = register(
      app,
      async () => {
        if (fail) throw new Error("no")
      },
      { attempts: 2, backoff: { type: "fixed", delay_ms: 1 } },
    )
    await finish(app.jobs, (await create()).id)
    fail = false
    await finish(app.jobs, (await create()).id)
    app.jobs.operations.register(toOperation({ number: 1002, run: untilAborted }))
    const { id } = await app.jobs.create({ operation: 1002, user: alice })
    await app.jobs.cancel(id, alice)
    const metrics = await app.read()
    const ended = (status: string, operation = "1001") =>
      metrics.value("pagoda_jobs_ended_total", { ...sample, operation, status })
    expect([ended("error"), ended("done"), ended("canceled", "1002")]).toEqual([1, 1, 1])
    expect(metrics.value("pagoda_job_tries_total", { ...sample, outcome: "failed" })).toBe(2)
    expect(metrics.value("pagoda_job_tries_total", { ...sample, outcome: "done" })).toBe(1)
  })

  test("hooks are counted by plugin and name, several handlers of one together", async () => {
    await using app = await openMeasured(open)
    const { hooks } = app.data
    const call = { user: alice, entity: { id: 1, name: "Server" }, data: {} }
    const throwing = () => {
      throw new Error("no")
    }
    hooks.register(toTestHook("entry.before_create", () => {}))
    hooks.register(toTestHook("entry.before_create", throwing, { position: 1 }))
    hooks.register(toTestHook("entry.validate", () => new Promise(() => {}), { timeout_ms: 20 }))
    hooks.register(
      toTestHook("entry.validate", () => {
        throw reject("no")
      }),
    )
    for (let turn = 0; turn < 17; turn++) await hooks.chain("entry.before_create", call, "data", () => ({}))
    await expect(hooks.validate("entry.validate", call)).rejects.toMatchObject({ code: "VALIDATION_FAILED" })
    const metrics = await app.read()
    const value = (name: string, hook: string) => metrics.value(`pagoda_hook_${name}`, { plugin: "p", hook })
    expect(value("calls_total", "entry.before_create")).toBe(34)
    expect(value("failures_total", "entry.before_create")).toBe(17)
    expect(value("duration_seconds_count", "entry.before_create")).toBe(4)
    expect(value("timeouts_total", "entry.validate")).toBe(1)
    expect(value("rejections_total", "entry.validate")).toBe(1)
    expect(value("duration_seconds_sum", "entry.validate")).toBeGreaterThan(0.015)
    await hooks.close()
  })

  test("deliveries that durable hooks have before them are counted, with the age of the oldest", async () => {
    const database = await open()
    await using app = await openMeasured(async () => database)
    const hook = { plugin: "p", hook: "entry.after_create" }
    app.data.hooks.register(toTestHook(hook.hook as never, () => {}, { durable: true }))
    const call = { user: alice, entity: { id: 1, name: "Server" } }
    await database.transaction(async (handle) => {
      for (let turn = 0; turn < 3; turn++) await app.data.hooks.enqueue(handle, "entry.after_create", call)
    })
    const metrics = await app.read()
    expect(metrics.value("pagoda_hook_deliveries_waiting", hook)).toBe(3)
    expect(metrics.value("pagoda_hook_deliveries_oldest_seconds", hook)).toBeWithin(0, 60)
    await app.data.hooks.start()
    await until(async () => (await app.read()).value("pagoda_hook_deliveries_waiting", hook) === undefined)
    await app.data.hooks.close()
  })

  test("a long backlog is read page by page, and nothing is counted twice", async () => {
    const database = await open()
    await using app = await openMeasured(async () => database)
    const { hook_delivery } = database.tables
    const time = new Date().toISOString()
    for (let page = 0; page < 5; page++) {
      await database.db.insert(hook_delivery).values(
        Array.from({ length: 801 }, (_, at) => ({
          plugin: at % 2 ? "p" : "q",
          hook: "entry.after_create",
          position: 0,
          user_id: alice.id,
          payload: {} as never,
          run_after: time,
          created_at: time,
        })),
      )
    }
    const waiting = (await app.read()).all("pagoda_hook_deliveries_waiting")
    expect(Object.fromEntries(waiting.map(({ labels, value }) => [labels.plugin, value]))).toEqual({ p: 2000, q: 2005 })
  })

  test("requests are counted by route, never by path; the core's and each plugin's apart", async () => {
    await using app = await openMeasured(open)
    app.add({
      id: "shop",
      name: "Shop",
      version: "1.0.0",
      routes: (shop) =>
        shop
          .get("/open", () => "yes", { auth: false })
          .get("/items/:id", ({ params }) => params.id)
          .get("/slow", () => Bun.sleep(30).then(() => "late"), { auth: false })
          .get(
            "/broken",
            () => {
              throw new Error("no")
            },
            { auth: false },
          )
          .post("/items", ({ body }) => body, { auth: false }),
    })
    const ask = (path: string, init?: RequestInit) => app.request(`/api/v2/plugins/shop${path}`, init)
    for (const path of ["/open", "/open/", "/open", "/slow", "/broken", "/items/1", "/nowhere/1", "/nowhere/2"]) {
      await ask(path)
    }
    const { headers } = app
    await Promise.all(["/items/2", "/items/3/", "/items/ü"].map((path) => ask(path, { headers })))
    await ask("/items", { method: "POST", body: "{", headers })
    await ask("/open", { method: "HEAD" })
    for (const name of ["live", "ready"]) await app.request(`/health/${name}`)
    await app.request("/api/v2/jobs/77", { headers })

    const metrics = await app.read()
    const count = (route: string, status: string, method = "GET") =>
      metrics.value("pagoda_plugin_requests_total", { plugin: "shop", method, route, status })
    const prefix = "/api/v2/plugins/shop"
    expect(count(`${prefix}/open`, "2xx")).toBe(4)
    expect(count(`${prefix}/items/:id`, "2xx")).toBe(3)
    expect(count(`${prefix}/items/:id`, "4xx")).toBe(1)
    expect(count(`${prefix}/broken`, "5xx")).toBe(1)
    expect(count(`${prefix}/items`, "4xx", "POST")).toBe(1)
    expect(count("unmatched", "4xx", "any")).toBe(2)
    const slow = { plugin: "shop", method: "GET", route: `${prefix}/slow` }
    expect(metrics.value("pagoda_plugin_request_duration_seconds_count", slow)).toBe(1)
    expect(metrics.value("pagoda_plugin_request_duration_seconds_bucket", { ...slow, le: "0.025" })).toBe(0)
    const core = (route: string, status: string) =>
      metrics.value("pagoda_http_requests_total", { method: "GET", route, status })
    expect(core("/health/live", "2xx")).toBe(1)
    expect(core("/api/v2/jobs/:id", "4xx")).toBe(1)
    expect(metrics.all("pagoda_plugin_requests_total").map(({ labels }) => labels.route)).not.toContain("/nowhere/1")
  })

  test("a route that asks its own app leaves the counts of both right", async () => {
    await using app = await openMeasured(open)
    app.add({
      id: "self",
      name: "Self",
      version: "1.0.0",
      routes: (self) =>
        self
          .get("/inner", () => "in", { auth: false })
          .get("/outer", () => (self as never as { fetch(request: Request): Response }).fetch(inner()), {
            auth: false,
          }),
    })
    const inner = () => new Request("http://localhost/api/v2/plugins/self/inner")
    expect(await (await app.request("/api/v2/plugins/self/outer")).text()).toBe("in")
    const requests = (await app.read()).all("pagoda_plugin_requests_total")
    const counts = requests.map(({ labels, value }) => [labels.route?.split("/").at(-1), value])
    expect(counts.sort()).toEqual([
      ["inner", 1],
      ["outer", 1],
    ])
  })

  test("what a plugin writes cannot break the format", async () => {
    await using app = await openMeasured(open)
    const route = '/a"b\\c'
    app.add({
      id: "odd",
      name: "Odd",
      version: "1.0.0",
      routes: (odd) => odd.get(`${route}/:id`, () => 1, { auth: false }),
    })
    await app.request(`/api/v2/plugins/odd${encodeURI(route)}/1`)
    const routes = (await app.read()).all("pagoda_plugin_requests_total").map(({ labels }) => labels.route)
    expect(routes).toEqual([`/api/v2/plugins/odd${route}/:id`])
  })

  test("the process and the program are told", async () => {
    await using app = await openMeasured(open)
    const metrics = await app.read()
    expect(metrics.value("process_resident_memory_bytes")).toBeGreaterThan(1e6)
    expect(metrics.value("process_cpu_seconds_total")).toBeGreaterThan(0)
    expect(metrics.value("process_start_time_seconds")).toBeWithin(Date.now() / 1000 - 3600, Date.now() / 1000)
    expect(metrics.value("pagoda_event_loop_lag_seconds")).toBeWithin(0, 60)
    expect(metrics.all("pagoda_build_info")).toMatchObject([{ value: 1, labels: { bun: Bun.version } }])
  })
})
