import { afterEach, beforeEach, expect, test } from "bun:test"
import { type TestPlugin, testPlugin } from "@pagoda/sdk/testing"
import plugin from "./plugin.ts"

let tested: TestPlugin

beforeEach(async () => {
  tested = await testPlugin(plugin)
})
afterEach(() => tested.dispose())

test("GET /hello says hello", async () => {
  const response = await tested.request("/hello")
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({
    message: "Hello from Hello World Plugin!",
    plugin: "hello-world-plugin",
    version: "1.0.0",
  })
})

test("POST /hello queues the task, which greets with the message", async () => {
  const response = await tested.request("/hello", { json: { message: "Good morning" } })
  expect(response.status).toBe(201)
  expect(await response.json()).toEqual({
    job_id: 1,
    message: "Hello World task queued!",
    plugin: "hello-world-plugin",
  })
  const [job] = await tested.runJobs()
  expect(job?.text).toBe("Hello World task completed! Greeting: Good morning from tester!")
})

test("POST /hello refuses a message that is no text", async () => {
  const response = await tested.request("/hello", { json: { message: 1 } })
  expect(response.status).toBe(422)
  expect(tested.jobs).toEqual([])
})

test("GET /greet/:name greets by name", async () => {
  const before = Date.now()
  const response = await tested.request("/greet/Ada")
  const { timestamp, ...rest } = (await response.json()) as { timestamp: string }
  expect(rest).toEqual({ greeting: "Hello, Ada! Welcome to Pagoda!", plugin: "hello-world-plugin" } as never)
  expect(Date.parse(timestamp)).toBeGreaterThanOrEqual(before)
})

test("the setting GREETING changes the greeting", async () => {
  await using german = await testPlugin(plugin, { settings: { GREETING: "Hallo" } })
  const response = await german.request("/greet/Ada")
  expect(await response.json()).toMatchObject({ greeting: "Hallo, Ada! Welcome to Pagoda!" })
})

test("nobody is answered without credentials", async () => {
  for (const path of ["/hello", "/greet/Ada"]) {
    expect((await tested.request(path, { user: null })).status).toBe(401)
  }
})

test("the task reports 10, 30, 60, 90 and 100 and greets the world by default", async () => {
  const job = await tested.runJob(1001)
  expect(job.reports.map(({ progress }) => progress)).toEqual([10, 30, 60, 90, 100])
  expect(job).toMatchObject({
    operation_name: "HELLO_WORLD_TASK",
    status: "done",
    progress: 100,
    text: "Hello World task completed! Greeting: Hello World! from tester!",
  })
})

test("every entry that is made is greeted in the log", async () => {
  const written = { created_by: "ada", created_at: "2026-01-31T12:00:00.000Z" }
  await tested.runHook("entry.after_create", {
    entity: { id: 1, name: "Server" },
    entry: {
      ...{ id: 7, name: "web01", entity: { id: 1, name: "Server" }, attrs: {}, version: 1, is_active: true },
      ...{ is_public: true, default_permission: "nothing", ...written },
      ...{ updated_by: written.created_by, updated_at: written.created_at },
    },
  })
  expect(tested.log).toEqual([
    { level: "info", message: "Hello, web01! Welcome to Server!", fields: { entry: 7, user: "tester" } },
  ])
})
