import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { type Load, startLoad, tally } from "../support/load.ts"
import { type Entry, makeVersion, type PluginText, writeLock } from "../support/locked-plugins.ts"
import { runPagoda, untilSaid } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

const routes = `routes: (app) => app
  .get("/version", ({ plugin }) => plugin.version, { auth: false })
  .get("/slow", async ({ plugin }) => { await new Promise((done) => setTimeout(done, 60)); return plugin.version }, { auth: false })
  .post("/job", ({ api }) => api.jobs.create({ operation: 700, params: {} })),`
const [steadyPath, changingPath, slowPath] = [
  "/api/v2/plugins/steady/version",
  "/api/v2/plugins/changing/version",
  "/api/v2/plugins/changing/slow",
]

let folder: string
let host: TestHost
let steady: Entry
let first: Entry
let load: Load

const makeChanging = (version: string, text: PluginText = {}) =>
  makeVersion(folder, "changing", { version, fields: routes, ...text })
const cli = (...args: string[]) => runPagoda(args, { cwd: folder })

beforeAll(async () => {
  folder = await makeFolder()
  steady = await makeVersion(folder, "steady")
  first = await makeChanging("1.0.0")
  await writeLock(folder, { steady, changing: first })
  host = await startTestHost({ cwd: folder }, ["--watch"])
}, 60_000)

afterAll(async () => {
  await host?.stop()
  await removeFolders()
})

beforeEach(async () => {
  await writeLock(folder, { steady, changing: first })
  await sync()
  expect((await host.ask(changingPath)).body).toBe("1.0.0")
  load = startLoad(host.url, [steadyPath, changingPath, steadyPath, slowPath])
})

afterEach(async () => {
  await load.stop()
})

async function sync() {
  const answer = await host.ask("/api/v2/admin/plugins/sync", { method: "POST" })
  expect(answer.status).toBe(200)
  return answer.body.results as { id: string; state: string; version: string; error?: { step: string } }[]
}

/** Ends the load; the other plugin saw nothing, and the changed one only these answers, each of them. */
async function expectOnly(...answers: string[]) {
  await load.more(20)
  const samples = await load.stop()
  expect(Object.keys(tally(samples, steadyPath))).toEqual(["200 1.0.0"])
  expect(Object.keys(tally(samples, changingPath)).sort()).toEqual([...answers].sort())
  for (const answer of Object.keys(tally(samples, slowPath))) expect(answers).toContain(answer)
}

describe("under a load of 200 requests a second", () => {
  test("disable and enable drop no request: what runs ends, what comes is 404", async () => {
    for (let round = 0; round < 5; round++) {
      for (const [verb, state] of [
        ["disable", "disabled"],
        ["enable", "active"],
      ] as const) {
        const { status, body } = await host.ask(`/api/v2/admin/plugins/changing/${verb}`, { method: "POST" })
        expect([status, body.state]).toEqual([200, state])
        await load.more(20)
      }
    }
    await expectOnly("200 1.0.0", "404")
  }, 30_000)

  test("an update goes from one version to the next with no gap", async () => {
    for (let minor = 1; minor <= 5; minor++) {
      await writeLock(folder, { steady, changing: await makeChanging(`1.${minor}.0`) })
      await sync()
      await load.more(20)
    }
    await expectOnly("200 1.0.0", "200 1.1.0", "200 1.2.0", "200 1.3.0", "200 1.4.0", "200 1.5.0")
  }, 30_000)

  const broken: [step: string, text: PluginText][] = [
    ["bundle", { body: "const =" }],
    ["import", { body: 'throw new Error("no")' }],
    ["check", { fields: 'engines: { pagoda: ">=99.0.0" },' }],
    ["check", { fields: 'dependencies: { absent: "^1.0.0" },' }],
    ["migrate", { permissions: ["db"], fields: 'migrations: [{ name: "0001_a", up: "CREATE NONSENSE" }],' }],
    ["mount", { fields: 'routes: () => { throw new Error("no") },' }],
    ["initialize", { fields: 'initialize: async () => { throw new Error("no") },' }],
  ]
  test("an update that fails at any step leaves the old version serving, and its record says so", async () => {
    for (const [step, text] of broken) {
      await writeLock(folder, {
        steady,
        changing: await makeVersion(folder, "changing", { version: "2.0.0", ...text }),
      })
      const changing = (await sync()).find(({ id }) => id === "changing")
      expect(changing).toMatchObject({ state: "active", version: "1.0.0", error: { step } })
    }
    const wrong = { ...first, integrity: steady.integrity, version: "3.0.0" }
    await writeLock(folder, { steady, changing: wrong })
    expect((await sync()).find(({ id }) => id === "changing")).toMatchObject({
      version: "1.0.0",
      error: { step: "verify" },
    })
    await writeLock(folder, { steady, changing: first })
    expect((await sync()).find(({ id }) => id === "changing")?.error).toBeUndefined()
    await expectOnly("200 1.0.0")
  }, 30_000)

  test("add, update and remove reach the host that runs, and say what became of the plugin", async () => {
    await writeFiles(folder, below("added", pluginFiles("added")))
    const added = await cli("plugin", "add", "./added", "--yes")
    expect(added).toMatchObject({ exitCode: 0 })
    expect(added.stdout).toContain("In the host that runs, added (1.0.0) is active.")
    expect((await host.ask("/api/v2/plugins/added/version")).body).toBe("1.0.0")
    await writeFiles(folder, below("added", pluginFiles("added", { version: "1.1.0" })))
    const updated = await cli("plugin", "update", "added", "--yes")
    expect(updated.stdout).toContain("In the host that runs, added (1.1.0) is active.")
    expect((await host.ask("/api/v2/plugins/added/version")).body).toBe("1.1.0")
    const disabled = await cli("plugin", "disable", "added")
    expect(disabled.stdout).toContain("In the host that runs, added (1.1.0) is disabled")
    expect((await host.ask("/api/v2/plugins/added/version")).status).toBe(404)
    const enabled = await cli("plugin", "enable", "added")
    expect(enabled.stdout).toContain("In the host that runs, added (1.1.0) is active.")
    const removed = await cli("plugin", "remove", "added")
    expect(removed.stdout).toContain("The host that runs has let go of added.")
    expect((await host.ask("/api/v2/plugins/added")).status).toBe(404)
    await expectOnly("200 1.0.0")
  }, 60_000)

  test("an edit of the lockfile is taken by --watch, a broken one is told and changes nothing", async () => {
    await writeLock(folder, { steady, changing: await makeChanging("1.9.0") })
    await askUntil(host, "/api/v2/plugins/changing", ({ version }) => version === "1.9.0")
    const file = join(folder, "plugins.lock.json")
    const before = host.stderr().length
    for (let part = 0; part < 20; part++) writeFileSync(file, `{"lockfileVersion": 1, ${"\n".repeat(part)}`)
    await untilSaid({ stderr: () => host.stderr().slice(before) }, "What runs stays as it is")
    expect(host.stderr().slice(before)).toMatch(/ 20:1 /)
    rmSync(file)
    await askUntil(host, "/api/v2/plugins", ({ count }) => count === 0)
    await writeLock(folder, { steady, changing: first })
    await askUntil(host, "/api/v2/plugins", ({ results }) => results[0]?.version === "1.0.0" && results.length === 2)
    const samples = await load.stop()
    for (const path of [steadyPath, changingPath, slowPath]) {
      const wanted = ["200 1.0.0", "404", ...(path === steadyPath ? [] : ["200 1.9.0"])]
      for (const answer of Object.keys(tally(samples, path))) expect(wanted).toContain(answer)
    }
  }, 30_000)

  test("SIGHUP and plugin sync take it as well", async () => {
    await writeLock(folder, { steady, changing: await makeChanging("1.7.0") })
    host.process.kill("SIGHUP")
    await askUntil(host, "/api/v2/plugins/changing", ({ version }) => version === "1.7.0")
    await writeLock(folder, { steady, changing: await makeChanging("1.8.0") })
    const { stdout, exitCode } = await cli("plugin", "sync")
    expect([stdout, exitCode]).toEqual([expect.stringContaining("changing (1.8.0) is active"), 0])
    await expectOnly("200 1.0.0", "200 1.7.0", "200 1.8.0")
  }, 30_000)

  test("what the new version is, its jobs, hooks and overrides are at once, and what the old one left is stopped", async () => {
    const job = (answer: string) => `jobs: { 700: { name: "ANSWER", run: async () => "${answer}" } },
      hooks: [{ name: "entity.get_attrs", handler: () => {} }],`
    const timers = `setInterval(() => {}, 1000); setInterval(() => {}, 1000); const gone = setTimeout(() => {}, 1e6); clearTimeout(gone)`
    const old = {
      permissions: ["jobs:create", "entities:read"],
      body: timers,
      fields: `${routes} ${job("old")} dispose: async () => console.log("disposed")`,
    }
    await writeLock(folder, { steady, changing: await makeChanging("1.0.1", old) })
    await sync()
    const next = { ...old, body: "", fields: `${routes} ${job("new")}` }
    await writeLock(folder, { steady, changing: await makeChanging("1.0.2", next) })
    const [changing] = (await sync()) as any[]
    expect(changing).toMatchObject({ id: "changing", version: "1.0.2", jobs: [{ number: 700 }] })
    expect(changing.error).toBeUndefined()
    const { body: made } = await host.ask("/api/v2/plugins/changing/job", { body: {} })
    await askUntil(host, `/api/v2/jobs/${made.id}`, ({ text }) => text === "new")
    await untilSaid(host, "disposed")
    await untilSaid(host, 'Plugin \\"changing\\" left 2 intervals behind')
    await expectOnly("200 1.0.0", "200 1.0.1", "200 1.0.2")
  }, 30_000)
})

test("a change of settings is seen by the next request, and none is dropped", async () => {
  const settings = `settings: t.Object({ GREETING: t.String({ default: "Hello" }) }),`
  const greet = `routes: (app) => app
    .get("/version", ({ settings }) => settings.GREETING, { auth: false })
    .get("/slow", ({ settings }) => settings.GREETING, { auth: false }),`
  const body = 'import { t } from "@pagoda/sdk"'
  await writeLock(folder, { steady, changing: await makeChanging("1.0.3", { body, fields: `${settings} ${greet}` }) })
  await sync()
  for (const GREETING of ["Hi", "Ahoy"]) {
    const changed = await host.ask("/api/v2/admin/plugins/changing/settings", { method: "PATCH", body: { GREETING } })
    expect(changed.status).toBe(200)
    expect((await host.ask(changingPath)).body).toBe(GREETING)
    await load.more(20)
  }
  const samples = await load.stop()
  expect(Object.keys(tally(samples, steadyPath))).toEqual(["200 1.0.0"])
  const answers = ["200 1.0.0", "200 Hello", "200 Hi", "200 Ahoy"]
  for (const answer of Object.keys(tally(samples, changingPath))) expect(answers).toContain(answer)
}, 30_000)

test("a hundred updates take less than a megabyte each", async () => {
  const memory = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${host.process.pid}/status`, "utf8"))?.[1]) / 1024
  let before = 0
  for (let patch = 0; patch < 110; patch++) {
    if (patch === 10) before = memory()
    await writeLock(folder, { steady, changing: await makeChanging(`5.0.${patch}`) })
    await sync()
  }
  expect(memory() - before).toBeLessThan(100)
  await load.stop()
}, 60_000)

describe("dependencies", () => {
  const needs = (other: string, range: string): PluginText => ({
    manifest: false,
    fields: `dependencies: { "${other}": "${range}" },`,
  })
  const states = async () => Object.fromEntries((await sync()).map(({ id, state }) => [id, state]))

  test("what others need is disabled only with force, and they with it; enabling one of them names the chain", async () => {
    const middle = await makeVersion(folder, "middle", needs("changing", "^1.0.0"))
    const top = await makeVersion(folder, "top", needs("middle", "^1.0.0"))
    await writeLock(folder, { changing: first, middle, top })
    expect(await states()).toEqual({ changing: "active", middle: "active", top: "active" })
    const refused = await host.ask("/api/v2/admin/plugins/changing/disable", { method: "POST" })
    expect(refused).toMatchObject({ status: 409, body: { code: "PLUGIN_NEEDED" } })
    expect(refused.body.detail).toContain('"middle", "top"')
    expect(await cli("plugin", "disable", "changing")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("--force"),
    })
    expect(await states()).toEqual({ changing: "active", middle: "active", top: "active" })
    const forced = await host.ask("/api/v2/admin/plugins/changing/disable", { body: { force: true } })
    expect(forced).toMatchObject({ status: 200, body: { state: "disabled" } })
    expect(await states()).toEqual({ changing: "disabled", middle: "disabled", top: "disabled" })
    const lone = await host.ask("/api/v2/admin/plugins/top/enable", { method: "POST" })
    expect(lone.status).toBe(409)
    expect(lone.body.detail).toContain('it needs "middle", which is disabled')
    for (const id of ["changing", "middle", "top"])
      expect((await host.ask(`/api/v2/admin/plugins/${id}/enable`, { method: "POST" })).status).toBe(200)
    expect(await states()).toEqual({ changing: "active", middle: "active", top: "active" })
    const audit = await host.ask("/api/v2/admin/audit?limit=3")
    expect(audit.body.results?.map(({ action }: any) => action)).toEqual(["enable", "enable", "enable"])
  }, 30_000)

  test("those whose range an update leaves are taken out with the chain named, and come back with it", async () => {
    const middle = await makeVersion(folder, "middle", needs("changing", "^1.0.0"))
    const top = await makeVersion(folder, "top", needs("middle", "^1.0.0"))
    await writeLock(folder, { changing: first, middle, top })
    await sync()
    await writeLock(folder, { changing: await makeChanging("2.0.0"), middle, top })
    expect(await states()).toEqual({ changing: "active", middle: "failed", top: "failed" })
    const { body } = await host.ask("/api/v2/plugins/top")
    expect(body.error.message).toContain('it needs "middle", which needs "changing" as "^1.0.0", which is 2.0.0')
    await writeLock(folder, { changing: await makeChanging("1.5.0"), middle, top })
    expect(await states()).toEqual({ changing: "active", middle: "active", top: "active" })
    const loop = await makeVersion(folder, "changing", { ...needs("top", "*"), version: "1.6.0" })
    await writeLock(folder, { changing: loop, middle, top })
    await sync()
    expect((await host.ask("/api/v2/plugins/changing")).body.error.message).toContain("closes a circle")
  }, 30_000)
})
