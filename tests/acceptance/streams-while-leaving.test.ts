import { afterAll, beforeAll, expect, test } from "bun:test"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { startTestHost, type TestHost } from "../support/host.ts"
import { makeVersion, writeLock } from "../support/locked-plugins.ts"

const body = `import { sse } from "elysia"
const pause = () => new Promise((done) => setTimeout(done, 20))`
const fields = `routes: (app) => app
  .get("/events", async function* ({ plugin }) { for (;;) { yield sse({ data: plugin.version }); await pause() } })
  .get("/lines", async function* ({ plugin }) { for (let line = 0; line < 20; line++) { yield plugin.version + "\\n"; await pause() } }),`

let folder: string
let host: TestHost

beforeAll(async () => {
  folder = await makeFolder()
  await reach("1.0.0", async (lockfile) => {
    await writeLock(folder, lockfile)
    host = await startTestHost({ cwd: folder })
  })
}, 60_000)

afterAll(async () => {
  await host?.stop()
  await removeFolders()
})

async function reach(version: string, use: (lockfile: Parameters<typeof writeLock>[1]) => Promise<unknown>) {
  await use({ p: await makeVersion(folder, "p", { version, body, fields }) })
}

async function update(version: string) {
  await reach(version, (lockfile) => writeLock(folder, lockfile))
  const { body } = await host.ask("/api/v2/admin/plugins/sync", { method: "POST" })
  expect(body.results).toMatchObject([{ id: "p", version, state: "active" }])
}

/** What is sent, and what becomes of it. */
async function follow(path: string) {
  const { body: login } = await host.ask("/api/v2/tokens", { body: { name: crypto.randomUUID() } })
  const headers = { authorization: `Bearer ${login.token}` }
  const response = await fetch(`${host.url}/api/v2/plugins/p${path}`, { headers })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const first = new TextDecoder().decode((await reader.read()).value)
  return async () => {
    let text = first
    for (let part = await reader.read(); !part.done; part = await reader.read())
      text += new TextDecoder().decode(part.value)
    return text
  }
}

test("an update ends the event streams of the version that leaves: who connects again gets the new one", async () => {
  const rest = await follow("/events")
  await update("1.1.0")
  expect(await rest()).toContain("data: 1.0.0")
  const next = await follow("/events")
  expect((await host.ask("/api/v2/admin/plugins/p/disable", { method: "POST" })).body.state).toBe("disabled")
  expect(await next()).toContain("data: 1.1.0")
  expect((await host.ask("/api/v2/admin/plugins/p/enable", { method: "POST" })).body.state).toBe("active")
}, 30_000)

test("an answer that is being sent is sent to its end, by the version that began it", async () => {
  await update("1.2.0")
  const rest = await follow("/lines")
  await update("1.3.0")
  expect(await rest()).toBe("1.2.0\n".repeat(20))
}, 30_000)
