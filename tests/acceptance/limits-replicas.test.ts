import { afterAll, beforeAll, expect, test } from "bun:test"
import { cp } from "node:fs/promises"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { makePluginFolder } from "../support/plugin-host.ts"
import { createPostgresDatabase, type PostgresDatabase } from "../support/postgres.ts"

let postgres: PostgresDatabase
let replicas: TestHost[] = []

beforeAll(async () => {
  postgres = await createPostgresDatabase()
  const env = { DATABASE_URL: postgres.url, PAGODA_SECRET_KEY: "a key that two replicas share, long enough" }
  const fields = `routes: (app) => app.get("/throw", () => { throw new Error("in a route") }),`
  const from = await makePluginFolder({ bad: { fields } })
  for (let at = 0; at < 2; at++) {
    const cwd = await makeFolder()
    await cp(from, cwd, { recursive: true })
    replicas.push(await startTestHost({ cwd, env }))
  }
}, 60_000)

afterAll(async () => {
  await Promise.all(replicas.map((host) => host.stop()))
  replicas = []
  await postgres.drop()
  await removeFolders()
})

const limits = "/api/v2/admin/plugins/bad/limits"

test("limits that are changed through one replica hold on the other", async () => {
  const [first, second] = replicas as [TestHost, TestHost]
  await first.ask(limits, { method: "PATCH", body: { failures_per_minute: 2 } })
  await askUntil(second, limits, ({ failures_per_minute }) => failures_per_minute.value === 2, 2_000)
}, 30_000)

test("what is quarantined on one replica leaves the other, and comes back to both", async () => {
  const [first, second] = replicas as [TestHost, TestHost]
  for (let nth = 1; nth <= 3; nth++) await first.ask("/api/v2/plugins/bad/throw")
  await askUntil(first, "/api/v2/plugins/bad", ({ state }) => state === "quarantined", 2_000)
  await askUntil(second, "/api/v2/plugins/bad", ({ state }) => state === "quarantined", 2_000)
  expect((await second.ask("/api/v2/admin/plugins/bad/enable", { method: "POST" })).body.state).toBe("active")
  await askUntil(first, "/api/v2/plugins/bad", ({ state }) => state === "active", 2_000)
}, 30_000)
