import { afterAll, afterEach, expect, test } from "bun:test"
import { removeFolders } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { runPagoda, untilSaid } from "../support/pagoda.ts"
import { makePluginFolder, type PluginCode } from "../support/plugin-host.ts"

afterAll(removeFolders)

let host: TestHost | undefined
// what never settles is waited for when its plugin leaves
afterEach(async () => {
  await host?.stop()
  host = undefined
}, 30_000)

const good: PluginCode = { fields: "" }
const record = (id: string) => `/api/v2/plugins/${id}`

async function start(cwd: string): Promise<TestHost> {
  host = await startTestHost({ cwd })
  return host
}

/** What makes a plugin fail, and how its host is asked to let it. */
const ways: Record<string, { code: PluginCode; fail(host: TestHost, nth: number): Promise<unknown> }> = {
  "a route that throws": {
    code: { fields: "", body: `` },
    fail: (host) => host.ask(`${record("bad")}/throw`),
  },
  "an error in a timer": {
    code: { fields: "" },
    fail: (host) => host.ask(`${record("bad")}/late`),
  },
  "a rejection that nobody awaits": {
    code: { fields: "" },
    fail: (host) => host.ask(`${record("bad")}/reject`),
  },
  "a hook that throws": {
    code: {
      permissions: ["entries:read"],
      fields: `hooks: [{ name: "entry.after_create", handler: () => { throw new Error("in a hook") } }],`,
    },
    fail: (host, nth) => host.ask("/api/v2/entities/1/entries", { body: { name: `web${nth}`, attrs: {} } }),
  },
  "a hook that never settles": {
    code: {
      permissions: ["entries:read"],
      fields: `hooks: [{ name: "entry.before_create", timeout_ms: 50, handler: () => new Promise(() => {}) }],`,
    },
    fail: (host, nth) => host.ask("/api/v2/entities/1/entries", { body: { name: `web${nth}`, attrs: {} } }),
  },
  "an override that throws": {
    code: {
      permissions: ["entries:read"],
      fields: `overrides: { list: () => { throw new Error("in an override") } },`,
    },
    fail: (host) => host.ask("/api/v2/entities/1/entries"),
  },
  "a job that throws": {
    code: {
      permissions: ["jobs:create"],
      fields: `jobs: { 4100: { name: "BAD", run: () => { throw new Error("in a job") } } },`,
    },
    fail: (host) => host.ask(`${record("bad")}/job`, { method: "POST" }),
  },
}

const routes = `.get("/throw", () => { throw new Error("in a route") })
  .get("/late", () => { setTimeout(() => { throw new Error("in a timer") }, 1); return "later" })
  .get("/reject", () => { Promise.reject(new Error("nobody awaits")); return "later" })
  .get("/meant", ({ status }) => status(500, { error: "meant" }))
  .post("/job", ({ api }) => api.jobs.create({ operation: 4100 }))`

for (const [name, { code, fail }] of Object.entries(ways)) {
  test(`${name}, six times within a minute, takes its plugin out, and no other`, async () => {
    const fields = `routes: (app) => app${routes},\n${code.fields}`
    const cwd = await makePluginFolder({ bad: { ...code, fields }, good })
    const host = await start(cwd)
    await host.ask("/api/v2/entities", { body: { name: "Server", attrs: [] } })
    if (name.includes("override")) {
      const body = { plugin: "bad", operations: ["list"] }
      expect(await host.ask("/api/v2/admin/entities/1/override", { method: "PUT", body })).toMatchObject({
        status: 200,
      })
    }
    // five are let pass
    for (let nth = 1; nth <= 5; nth++) await fail(host, nth)
    expect((await host.ask(record("bad"))).body.state).toBe("active")
    await fail(host, 6)
    const body = await askUntil(host, record("bad"), ({ state }) => state === "quarantined")
    expect(body.error).toMatchObject({ step: "run", code: "QUARANTINED" })
    expect(body.error.message).toContain("it failed 6 times within a minute, at most 5 are allowed; last: ")
    expect(body.error.message).toContain('"pagoda plugin enable bad" tries it again')
    expect((await host.ask(`${record("bad")}/throw`)).status).toBe(404)
    expect((await host.ask(`${record("good")}/version`)).body).toBe("1.0.0")
    expect((await host.ask("/api/v2/entities/1/entries")).status).toBe(200)
    await untilSaid(host, '"code":"QUARANTINED"')
  }, 60_000)
}

test("a quarantine survives a restart, and is lifted by enabling or by another version", async () => {
  const cwd = await makePluginFolder({ bad: { fields: `routes: (app) => app${routes},` }, good })
  let host = await start(cwd)
  const breakIt = async () => {
    for (let nth = 1; nth <= 6; nth++) await host.ask(`${record("bad")}/throw`)
    await askUntil(host, record("bad"), ({ state }) => state === "quarantined")
  }
  // what a route means to say, and what callers do wrong, is no failure
  for (let nth = 1; nth <= 10; nth++) expect((await host.ask(`${record("bad")}/meant`)).status).toBe(500)
  for (let nth = 1; nth <= 10; nth++) expect((await host.ask(`${record("bad")}/nothing`)).status).toBe(404)
  await breakIt()
  await host.stop()
  const listed = await runPagoda(["plugin", "list"], { cwd })
  expect(listed.stdout).toContain("bad (1.0.0) - bad: quarantined: ")

  host = await start(cwd)
  expect((await host.ask(record("bad"))).body.state).toBe("quarantined")
  const enabled = await host.ask(`/api/v2/admin/plugins/bad/enable`, { method: "POST" })
  expect(enabled).toMatchObject({ status: 200, body: { state: "active" } })
  const { body: audit } = await host.ask("/api/v2/admin/audit")
  expect(audit.results.map(({ action }: { action: string }) => action).slice(0, 2)).toEqual(["enable", "quarantine"])

  await breakIt()
  expect(await runPagoda(["plugin", "enable", "bad"], { cwd })).toMatchObject({ exitCode: 0 })
  await askUntil(host, record("bad"), ({ state }) => state === "active")

  await breakIt()
  const file = `${cwd}/bad/plugin.ts`
  await Bun.write(file, (await Bun.file(file).text()).replace("1.0.0", "1.0.1"))
  expect(await runPagoda(["plugin", "update", "bad", "--yes"], { cwd })).toMatchObject({ exitCode: 0 })
  await askUntil(host, record("bad"), ({ state }) => state === "active")
}, 90_000)

test("a quarantine holds for a plugin whose version the lockfile leaves out", async () => {
  const cwd = await makePluginFolder({ bad: { fields: `routes: (app) => app${routes},` } })
  const lockfile = `${cwd}/plugins.lock.json`
  await Bun.write(lockfile, (await Bun.file(lockfile).text()).replace(/ *"version": "1.0.0",\n/, ""))
  const host = await start(cwd)
  for (let nth = 1; nth <= 6; nth++) await host.ask(`${record("bad")}/throw`)
  await askUntil(host, record("bad"), ({ state }) => state === "quarantined")
  expect((await runPagoda(["plugin", "list"], { cwd })).stdout).toContain("quarantined: ")
}, 60_000)

test("what a version did that is gone, or goes while it fails, takes out no other version", async () => {
  const cwd = await makePluginFolder({ bad: { fields: `routes: (app) => app${routes},` } })
  const host = await start(cwd)
  const update = async (from: string, to: string, more = "") => {
    const file = `${cwd}/bad/plugin.ts`
    const code = (await Bun.file(file).text()).replaceAll(from, to)
    await Bun.write(file, code.replace("routes:", `${more}routes:`))
    expect(await runPagoda(["plugin", "update", "bad", "--yes"], { cwd })).toMatchObject({ exitCode: 0 })
  }
  const fail = async (times: number) => {
    for (let nth = 1; nth <= times; nth++) await host.ask(`${record("bad")}/throw`)
  }
  await fail(5)
  await update("1.0.0", "1.0.1")
  await fail(5)
  expect((await host.ask(record("bad"))).body).toMatchObject({ state: "active", version: "1.0.1" })
  const slowly =
    'initialize: async () => { console.log("it comes"); await new Promise((done) => setTimeout(done, 500)) },'
  const updated = update("1.0.1", "1.0.2", slowly)
  await untilSaid(host, "it comes")
  await fail(1)
  await updated
  await host.ask("/api/v2/admin/plugins/sync", { method: "POST" })
  expect((await host.ask(record("bad"))).body).toMatchObject({ state: "active", version: "1.0.2" })
}, 60_000)
