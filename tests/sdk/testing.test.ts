import { describe, expect, test } from "bun:test"
import { definePlugin, html, job, PluginError, t } from "@pagoda/sdk"
import { testPlugin, testUser } from "@pagoda/sdk/testing"

const base = { id: "sample", name: "Sample", version: "1.2.3" }

const jobs = {
  300: job({
    name: "COUNT",
    params: t.Object({ to: t.Integer({ minimum: 1 }), label: t.String({ default: "n" }) }),
    run: async ({ params, progress }) => {
      await progress(50, "halfway")
      return { to: params.to, label: params.label }
    },
  }),
  301: job({ name: "FAIL", run: () => Promise.reject(new Error("no luck")) }),
  302: job({ name: "SPAWN", run: async ({ api }) => (await api.jobs.create({ operation: 301 })).id }),
  303: job({
    name: "WAIT",
    run: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  }),
}

describe("testPlugin().request()", () => {
  const plugin = definePlugin({
    ...base,
    permissions: ["jobs:create", "env:PLACE"],
    settings: t.Object({ SIZE: t.Integer({ default: 3 }) }),
    jobs,
    routes: (app) =>
      app
        .get("/context", ({ user, plugin, settings }) => ({ user: user.username, plugin, settings }))
        .get("/open", ({ user }) => ({ user }), { auth: false })
        .post("/typed", ({ body }) => body, { body: t.Object({ count: t.Integer(), name: t.String() }) })
        .get("/number/:n", ({ params, query }) => ({ ...params, ...query }), {
          params: t.Object({ n: t.Integer() }),
          query: t.Object({ by: t.Optional(t.Number()) }),
        })
        .get("/quota", () => {
          throw new PluginError("the quota is used up", { code: "QUOTA" })
        })
        .get("/crash", () => {
          throw new TypeError("oops")
        })
        .get("/other", async ({ api }) => api.jobs.get(99))
        .get("/env/:name", async ({ api, params }) => ({ value: await api.env(params.name) }))
        .get("/asset", async ({ api }) => api.asset("notes.txt"))
        .post("/bad-job", async ({ api }) => api.jobs.create({ operation: 300, params: { to: 0 } })),
  })
  const ask = async (path: string, options: Parameters<typeof testPlugin>[1] = {}, init = {}) => {
    await using tested = await testPlugin(plugin, options as never)
    const response = await tested.request(path, init)
    return { status: response.status, type: response.headers.get("content-type"), body: await response.text() }
  }

  test("gives a route its user, plugin and settings", async () => {
    const { body } = await ask("/context", { settings: { SIZE: 5 } })
    expect(JSON.parse(body)).toEqual({ user: testUser.username, plugin: base, settings: { SIZE: 5 } })
  })

  test("gives numbers where the schema of a path or a query wants them, and refuses what is none", async () => {
    expect(JSON.parse((await ask("/number/7?by=0.5")).body)).toEqual({ n: 7, by: 0.5 })
    expect((await ask("/number/seven")).status).toBe(422)
    expect((await ask("/number/7?by=")).status).toBe(422)
  })

  test("refuses who has no credentials, but on open routes", async () => {
    expect((await ask("/context", { user: null })).status).toBe(401)
    expect(await ask("/open", { user: null })).toMatchObject({ status: 200, body: '{"user":null}' })
  })

  test.each([
    ["/quota", {}, 400, "QUOTA"],
    ["/crash", {}, 500, "PLUGIN_FAILED"],
    ["/other", {}, 404, "NOT_FOUND"],
    ["/nowhere", {}, 404, "NOT_FOUND"],
    ["/env/HOME", {}, 403, "PERMISSION_MISSING"],
    ["/typed", { json: { count: "x" } }, 422, "VALIDATION_FAILED"],
    ["/typed", { method: "POST", body: "{", headers: { "content-type": "application/json" } }, 400, "BODY_INVALID"],
    ["/bad-job", { method: "POST" }, 422, "PLUGIN_VALIDATION"],
  ])(
    "answers %s with the host's status, as a problem document that names the plugin",
    async (path, init, status, code) => {
      const answer = await ask(path, {}, init)
      expect(answer).toMatchObject({ status, type: "application/problem+json" })
      expect(JSON.parse(answer.body)).toMatchObject({ status, code, plugin: "sample" })
    },
  )

  test("answers from the environment, the assets and nothing else", async () => {
    expect((await ask("/env/PLACE", { env: { PLACE: "here" } })).body).toBe('{"value":"here"}')
    expect((await ask("/asset", { assets: { "notes.txt": "a note" } })).body).toBe("a note")
    expect((await ask("/asset")).status).toBe(404)
  })

  test("throws PluginValidationError for settings that do not fit", async () => {
    const wrong = testPlugin(plugin, { settings: { SIZE: "big" as never } })
    await expect(wrong).rejects.toMatchObject({ name: "PluginValidationError", path: "SIZE" })
  })
})

describe("testPlugin().runJob()", () => {
  const plugin = definePlugin({ ...base, permissions: ["jobs:create"], jobs })

  test("runs an operation with its defaults and tells what it reported", async () => {
    const tested = await testPlugin(plugin)
    const ended = await tested.runJob(300, { to: 4 })
    expect(ended).toMatchObject({
      operation_name: "COUNT",
      status: "done",
      progress: 100,
      params: { to: 4, label: "n" },
      text: '{"to":4,"label":"n"}',
      reports: [{ progress: 50, message: "halfway" }],
      attempts: 1,
    })
  })

  test("an exception makes it error", async () => {
    const tested = await testPlugin(plugin)
    expect(await tested.runJob(301)).toMatchObject({ status: "error", error: "no luck", text: null })
  })

  test("refuses params that do not fit and numbers that the plugin has not", async () => {
    const tested = await testPlugin(plugin)
    await expect(tested.runJob(300, { to: 0 })).rejects.toMatchObject({ path: "params.to" })
    await expect(tested.runJob(999)).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("jobs that a job makes wait for runJobs()", async () => {
    const tested = await testPlugin(plugin)
    await tested.runJob(302)
    expect(tested.jobs.map(({ status }) => status)).toEqual(["done", "preparing"])
    expect((await tested.runJobs()).map(({ status }) => status)).toEqual(["error"])
  })

  test("a job may not make others without the grant", async () => {
    const tested = await testPlugin(plugin, { permissions: [] })
    expect((await tested.runJob(302)).error).toContain('"jobs:create"')
  })

  test("dispose() fires the signal of what runs and calls the plugin's own dispose", async () => {
    let disposed = 0
    const tested = await testPlugin(definePlugin({ ...base, jobs, dispose: () => void disposed++ }))
    const running = tested.runJob(303)
    await tested.dispose()
    expect((await running).status).toBe("error")
    expect(disposed).toBe(1)
  })
})

test("testPlugin() runs initialize with an api that acts for nobody and keeps what it logs", async () => {
  const tested = await testPlugin(
    definePlugin({
      ...base,
      permissions: ["jobs:create"],
      jobs,
      initialize: async (api) => {
        await api.log.info("begun", { at: 1 })
        await expect(api.jobs.create({ operation: 301 })).rejects.toMatchObject({ name: "PluginSecurityError" })
      },
    }),
  )
  expect(tested.log).toEqual([{ level: "info", message: "begun", fields: { at: 1 } }])
})

test("testPlugin().page() asks the pages, and request() the routes", async () => {
  const plugin = definePlugin({
    ...base,
    routes: (app) => app.get("/", () => "route"),
    pages: (app) => app.get("/", ({ user }) => html`<h1>${user.username}</h1>`),
  })
  await using tested = await testPlugin(plugin)
  const page = await tested.page("/")
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html;charset=utf-8"])
  expect(await page.text()).toBe(`<h1>${testUser.username}</h1>`)
  expect(await (await tested.request("/")).text()).toBe("route")
  expect((await tested.page("/", { user: null })).status).toBe(401)
})
