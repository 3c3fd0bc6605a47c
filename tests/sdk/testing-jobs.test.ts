import { expect, test } from "bun:test"
import { definePlugin, job, t } from "@pagoda/sdk"
import { testPlugin } from "@pagoda/sdk/testing"

const greet = job({
  name: "GREET",
  params: t.Object({ name: t.String({ default: "you" }) }),
  run: async ({ params, api }) => {
    await api.log.info("greeting", { name: params.name })
    return `Hello ${params.name}`
  },
})

const plugin = definePlugin({
  id: "sample",
  name: "Sample",
  version: "1.2.3",
  permissions: ["jobs:create"],
  jobs: { 300: greet, 301: job({ name: "HIDDEN", hidden: true, run: async () => "x" }) },
  initialize: async (api) => {
    await api.jobs.register(302, greet)
    await api.jobs.schedule(302, "@daily", { name: "all" })
  },
  routes: (app) =>
    app
      .post("/schedule", async ({ api, body }) => {
        const { operation, cron, params } = body as { operation: number; cron: string | null; params?: never }
        await api.jobs.schedule(operation, cron, params)
        return "ok"
      })
      .post("/register", async ({ api, body }) => api.jobs.register((body as { number: number }).number, greet))
      .get("/list", async ({ api, query }) => api.jobs.list({ hidden: query.hidden === "true" })),
})

test("an operation that was registered at run time runs, and its lines are kept with the job", async () => {
  await using tested = await testPlugin(plugin)
  const ended = await tested.runJob(302, { name: "Ada" })
  const line = { level: "info", message: "greeting", fields: { name: "Ada" } }
  expect(ended).toMatchObject({ status: "done", text: "Hello Ada", logs: [line] })
  expect(tested.log as unknown[]).toEqual([line])
})

test("a number that is taken or outside is refused as the host does", async () => {
  await using tested = await testPlugin(plugin)
  const statusOf = async (number: number) =>
    (await tested.request("/register", { method: "POST", json: { number } })).status
  expect([await statusOf(300), await statusOf(199), await statusOf(303)]).toEqual([409, 422, 200])
})

test("schedules are told, one for the same params, and are taken back", async () => {
  await using tested = await testPlugin(plugin)
  expect(tested.schedules).toEqual([{ operation: 302, cron: "@daily", params: { name: "all" }, user: null }])
  const schedule = async (json: object) =>
    (await tested.request("/schedule", { method: "POST", json: json as never })).status
  expect(await schedule({ operation: 302, cron: "@hourly", params: { name: "all" } })).toBe(200)
  expect(tested.schedules).toMatchObject([{ cron: "@hourly", user: { username: "tester" } }])
  expect(await schedule({ operation: 300, cron: "@hourly", params: { name: 1 } })).toBe(422)
  expect(await schedule({ operation: 302, cron: null, params: { name: "all" } })).toBe(200)
  expect(tested.schedules).toEqual([])
})

test("hidden jobs are listed where they are asked for", async () => {
  await using tested = await testPlugin(plugin)
  await tested.runJob(301)
  const count = async (query: string) => ((await (await tested.request(`/list${query}`)).json()) as any).count
  expect([await count(""), await count("?hidden=true")]).toEqual([0, 1])
})
