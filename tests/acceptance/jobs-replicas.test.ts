import { afterAll, beforeAll, expect, test } from "bun:test"
import { cp } from "node:fs/promises"
import type { Job } from "@pagoda/sdk"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { makePluginFolder } from "../support/plugin-host.ts"
import { createPostgresDatabase, type PostgresDatabase } from "../support/postgres.ts"
import { readServerEvents } from "../support/server-events.ts"

/** Its routes start jobs and schedules; a job waits until it is told to go on. */
const plugin = {
  permissions: ["jobs:create"],
  body: `import { job, t } from "@pagoda/sdk"
const gates = new Map()
const any = t.Record(t.String(), t.Unknown())`,
  fields: `
  initialize: async (api) => {
    await api.jobs.register(802, job({ name: "LATE", run: async ({ user }) => user.username }))
    await api.jobs.schedule(803, "0 5 * * *", { from: "initialize" })
  },
  routes: (app) => app
    .post("/start", async ({ api, body }) => (await api.jobs.create(body)).id)
    .post("/schedule", async ({ api, body }) => { await api.jobs.schedule(body.operation, body.cron, body.params); return "ok" }),
  jobs: {
    800: job({ name: "STEP", parallelizable: true, run: async ({ progress, api }) => {
      await api.log.info("begun", { at: 1 })
      await progress(30, "a third")
      await new Promise((go) => setTimeout(go, 600))
      return "end"
    } }),
    801: job({ name: "BIG", downloadable: true, run: async () => "ü".repeat(3_000_000) }),
    803: job({ name: "NIGHTLY", params: any, run: async ({ user, params }) => ({ user, params }) }),
  },`,
}

let postgres: PostgresDatabase
const hosts: TestHost[] = []
const pair = () => hosts as [TestHost, TestHost]

beforeAll(async () => {
  postgres = await createPostgresDatabase()
  const env = { DATABASE_URL: postgres.url, PAGODA_SECRET_KEY: "a key that two replicas share, long enough" }
  const folder = await makePluginFolder({ stepper: plugin })
  for (let at = 0; at < 2; at++) {
    const cwd = await makeFolder()
    await cp(folder, cwd, { recursive: true, filter: (path) => !path.includes(".pagoda") })
    hosts.push(await startTestHost({ cwd, env }))
  }
}, 60_000)

afterAll(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()))
  await postgres.drop()
  await removeFolders()
}, 30_000)

async function createUser(host: TestHost, username: string): Promise<{ id: string; token: string }> {
  const password = "correct horse battery staple"
  const { body } = await host.ask("/api/v2/users", { body: { username, password } })
  const login = await host.ask("/api/v2/auth/login", { body: { username, password }, token: null })
  return { id: body.id, token: login.body.token }
}

async function start(host: TestHost, operation: number, token?: string): Promise<number> {
  const { status, body } = await host.ask("/api/v2/plugins/stepper/start", {
    body: { operation },
    ...(token !== undefined && { token }),
  })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return Number(body)
}

const listen = async (host: TestHost, path: string, token: string, headers: Record<string, string> = {}) => {
  const response = await fetch(host.url + path, { headers: { authorization: `Bearer ${token}`, ...headers } })
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"])
  return readServerEvents<Job>(response)
}

test("each replica tells what any of them does, from the first state to the last, with the progress in between", async () => {
  const [one, two] = pair()
  const { token } = await createUser(one, "alice")
  const streams = await Promise.all([one, two].map((host) => listen(host, "/api/v2/jobs/events", token)))
  for (const stream of streams) await stream.started
  const id = await start(one, 800, token)
  const single = await listen(two, `/api/v2/jobs/${id}/events`, token)
  for (const stream of [...streams, single]) {
    const told = await stream.until(({ data }) => data.id === id && data.status === "done")
    expect(told.map(({ data }) => data.progress)).toContain(30)
    expect(told.at(-1)?.data).toMatchObject({ id, status: "done", text: "end", user: { username: "alice" } })
  }
  for (const stream of streams) stream.close()
  const { body: logs } = await two.ask(`/api/v2/jobs/${id}/logs`, { token })
  expect(logs.results).toMatchObject([{ attempt: 1, level: "info", message: "begun", fields: { at: 1 } }])
}, 30_000)

test("a stream that breaks is resumed on the other replica, where the last one ended", async () => {
  const [one, two] = pair()
  const { token } = await createUser(one, "berta")
  const first = await listen(one, "/api/v2/jobs/events", token)
  await first.started
  const seen = await start(one, 802, token)
  const last = (await first.until(({ data }) => data.id === seen && data.status === "done")).at(-1)?.id as string
  first.close()
  const missed = await start(one, 802, token)
  await askUntil(one, `/api/v2/jobs/${missed}`, ({ status }) => status === "done")
  const second = await listen(two, "/api/v2/jobs/events", token, { "last-event-id": last })
  const told = await second.until(({ data }) => data.id === missed && data.status === "done")
  expect(told.map(({ data }) => data.id)).toEqual([missed])
  expect(told.at(-1)?.data.text).toBe("berta")
  second.close()
}, 30_000)

test("who is made inactive on one replica, logs out there, or loses a token, is told no more on the other", async () => {
  const [one, two] = pair()
  const ends: ((user: { id: string; token: string }) => Promise<{ status: number }>)[] = [
    ({ id }) => one.ask(`/api/v2/users/${id}`, { method: "PATCH", body: { is_active: false } }),
    ({ token }) => one.ask("/api/v2/auth/logout", { method: "POST", token }),
  ]
  for (const [at, end] of ends.entries()) {
    const user = await createUser(one, `gone${at}`)
    const stream = await listen(two, "/api/v2/jobs/events", user.token)
    await stream.started
    expect((await end(user)).status).toBeLessThan(300)
    const before = performance.now()
    await stream.ended
    expect(performance.now() - before).toBeLessThan(8_000)
    expect((await two.ask("/api/v2/jobs/events", { token: user.token })).status).toBe(401)
  }
}, 40_000)

test("an administrator who is one no more is told of nobody else's jobs any more", async () => {
  const [one, two] = pair()
  const user = await createUser(one, "boss")
  const path = `/api/v2/users/${user.id}`
  await one.ask(path, { method: "PATCH", body: { is_admin: true } })
  await askUntil(two, path, ({ is_admin }) => is_admin)
  const stream = await listen(two, "/api/v2/jobs/events?all_users=true", user.token)
  await stream.started
  const id = await start(one, 802)
  await stream.until(({ data }) => data.id === id)
  await one.ask(path, { method: "PATCH", body: { is_admin: false } })
  await stream.ended
}, 30_000)

test("what one replica kept, the other gives as a download, and runs again", async () => {
  const [one, two] = pair()
  const id = await start(one, 801)
  const job = await askUntil(two, `/api/v2/jobs/${id}`, ({ status }) => status === "done")
  expect(job.text).toBeNull()
  const { body, type } = await two.ask(`/api/v2/jobs/${id}/download`)
  expect([type, body === "ü".repeat(3_000_000)]).toEqual(["text/plain; charset=utf-8", true])
  expect((await two.ask(`/api/v2/jobs/${id}/rerun`, { method: "POST" })).body).toMatchObject({ status: "preparing" })
  expect(await askUntil(one, `/api/v2/jobs/${id}`, ({ attempts, status }) => attempts === 2 && status === "done"))
}, 30_000)

test("a schedule of both replicas makes one job a time, as nobody where initialize made it", async () => {
  const [one, two] = pair()
  const client = new Bun.SQL(postgres.url, { max: 1 })
  const schedules = await client`select operation, cron, username from job_schedule where plugin = 'stepper'`
  expect([...schedules]).toEqual([{ operation: 803, cron: "0 5 * * *", username: "system" }])
  const { status } = await two.ask("/api/v2/plugins/stepper/schedule", {
    body: { operation: 803, cron: "0 6 * * *", params: { from: "admin" } },
  })
  expect(status).toBe(200)
  await client`update job_schedule set next_at = now() - interval '3 days' where plugin = 'stepper'`
  await client`select pg_notify('pagoda', 'job_schedules 803')`
  const { results } = await askUntil(
    one,
    "/api/v2/jobs?all_users=true&operation=803",
    ({ results }) => results.length === 2 && results.every((job: Job) => job.status === "done"),
  )
  const told = results.map((job: Job) => JSON.parse(job.text ?? ""))
  const of = (from: string) => told.find(({ params }: { params: { from: string } }) => params.from === from).user
  expect(of("admin")).toMatchObject({ username: "admin", is_admin: true })
  expect(of("initialize")).toMatchObject({ id: "system", is_admin: false, is_readonly: true })
  const due = await client`select operation from job_schedule where plugin = 'stepper' and next_at < now()`
  expect([...due]).toEqual([])
  await client.close()
}, 30_000)
