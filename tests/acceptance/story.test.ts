import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync } from "node:fs"
import { join } from "node:path"
import { type Dialect, dialects } from "../support/database.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { runPagoda, untilSaid } from "../support/pagoda.ts"
import { createPostgresDatabase, type PostgresDatabase } from "../support/postgres.ts"

const plugin = "/api/v2/plugins/hello-world-plugin"

afterAll(removeFolders)

for (const dialect of dialects) describe(dialect, () => tellStory(dialect))

function tellStory(dialect: Dialect): void {
  let folder: string
  let host: TestHost
  let database: PostgresDatabase | undefined
  let env: Record<string, string> = {}

  beforeAll(async () => {
    if (dialect === "postgres") database = await createPostgresDatabase()
    if (database) env = { DATABASE_URL: database.url }
    folder = await makeFolder()
    cpSync(join(import.meta.dir, "../../plugin-samples/hello-world"), join(folder, "hello-world"), { recursive: true })
    const added = await runPagoda(["plugin", "add", "./hello-world", "--yes"], { cwd: folder, env })
    expect(added.stderr).toBe("")
    expect(added.exitCode).toBe(0)
    host = await startTestHost({ cwd: folder, env })
  }, 60_000)

  afterAll(async () => {
    await host?.stop()
    await database?.drop()
  })

  test("a newcomer sees the plugin in the list, active, with what it adds", async () => {
    const { body } = await host.ask("/api/v2/plugins")
    expect(body).toMatchObject({ count: 1, next: null, previous: null })
    expect(body.results[0]).toMatchObject({
      id: "hello-world-plugin",
      state: "active",
      source: "file:hello-world",
      jobs: [{ number: 1001, name: "HELLO_WORLD_TASK" }],
      hooks: [{ name: "entry.after_create" }],
      permissions: ["entries:read", "jobs:create"],
    })
  })

  test("its routes answer who is logged in, and nobody else", async () => {
    expect(await host.ask(`${plugin}/hello`)).toMatchObject({
      status: 200,
      body: { message: "Hello from Hello World Plugin!", plugin: "hello-world-plugin", version: "1.0.0" },
    })
    const { body } = await host.ask(`${plugin}/greet/Ada`)
    expect(body).toMatchObject({ greeting: "Hello, Ada! Welcome to Pagoda!", plugin: "hello-world-plugin" })
    expect(new Date(body.timestamp).toISOString()).toBe(body.timestamp)

    for (const token of [null, "wrong", "pgd_wrong"]) {
      const refused = await host.ask(`${plugin}/hello`, { token })
      expect(refused).toMatchObject({
        status: 401,
        type: "application/problem+json",
        body: { code: "UNAUTHENTICATED" },
      })
    }
  })

  test("its job is queued, runs, and ends with its text; its events end with it", async () => {
    const created = await host.ask(`${plugin}/hello`, { body: { message: "Good morning" } })
    expect(created).toMatchObject({
      status: 201,
      body: { message: "Hello World task queued!", plugin: "hello-world-plugin" },
    })
    const path = `/api/v2/jobs/${created.body.job_id}`
    const events = await host.ask(`${path}/events`)
    expect(events.type).toContain("text/event-stream")
    expect(events.body).toContain('"status":"done"')
    expect(await askUntil(host, path, ({ status }) => status === "done")).toMatchObject({
      operation: 1001,
      operation_name: "HELLO_WORLD_TASK",
      plugin: "hello-world-plugin",
      user: { username: "admin" },
      progress: 100,
      error: null,
      text: "Hello World task completed! Greeting: Good morning from admin!",
    })
  })

  test("its hook greets an entry that is made, in the log", async () => {
    const { body: entity } = await host.ask("/api/v2/entities", { body: { name: "Server" } })
    expect((await host.ask(`/api/v2/entities/${entity.id}/entries`, { body: { name: "web01" } })).status).toBe(201)
    await untilSaid(host, "Hello, web01! Welcome to Server!")
  })

  test("a body that does not fit is 422 with its path, one that is no JSON 400, another media type 415", async () => {
    const misfit = await host.ask(`${plugin}/hello`, { body: { message: 7 } })
    expect(misfit).toMatchObject({ status: 422, body: { errors: [{ path: "message" }], plugin: "hello-world-plugin" } })
    const { token } = (await host.ask("/api/v2/tokens", { body: { name: "story" } })).body
    const send = (type: string, body: string) =>
      fetch(`${host.url}${plugin}/hello`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": type },
        body,
      })
    for (const [type, text, status] of [
      ["application/json", "{", 400],
      ["text/csv", "a,b", 415],
    ] as const) {
      const response = await send(type, text)
      expect([response.status, response.headers.get("content-type")]).toEqual([status, "application/problem+json"])
    }
  })

  test("a plugin that was disabled answers 404, with and without credentials, and comes back", async () => {
    expect((await host.ask("/api/v2/admin/plugins/hello-world-plugin/disable", { body: {} })).status).toBe(200)
    for (const token of [undefined, null]) expect((await host.ask(`${plugin}/hello`, { token })).status).toBe(404)
    expect((await host.ask("/api/v2/plugins/hello-world-plugin")).body.state).toBe("disabled")
    expect((await host.ask("/api/v2/admin/plugins/hello-world-plugin/enable", { body: {} })).status).toBe(200)
    expect((await host.ask(`${plugin}/hello`)).status).toBe(200)
  })

  test("a token that was revoked is refused at once", async () => {
    const { token, id } = (await host.ask("/api/v2/tokens", { body: { name: "short-lived" } })).body
    expect((await host.ask("/api/v2/me", { token })).body.username).toBe("admin")
    expect((await host.ask(`/api/v2/tokens/${id}`, { method: "DELETE" })).status).toBe(204)
    expect((await host.ask("/api/v2/me", { token })).status).toBe(401)
  })

  test("a second host on the same data directory is refused, and says what to do", async () => {
    const second = await runPagoda(["serve", "--port", "0"], { cwd: folder, env })
    expect(second.exitCode).toBe(1)
    expect(second.stderr).toContain("another host uses it")
    expect(second.stdout).toBe("")
  })

  test("stdout has the ready line and nothing else, and no log line has a secret", async () => {
    const { stdout, stderr, exitCode } = await host.stop()
    expect(stdout).toMatch(/^pagoda ready http:\/\/127\.0\.0\.1:\d+\n$/)
    expect(exitCode).toBe(0)
    expect(stderr).not.toContain("correct horse")
    expect(stderr).not.toContain("pgd_")
  })
}
