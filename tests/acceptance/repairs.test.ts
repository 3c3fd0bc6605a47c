import { afterAll, afterEach, expect, test } from "bun:test"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { removeFolders, writeFiles } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"
import { makePluginFolder, type PluginCode } from "../support/plugin-host.ts"
import { readServerEvents } from "../support/server-events.ts"

afterAll(removeFolders)

let host: TestHost | undefined
afterEach(async () => {
  await host?.stop()
  host = undefined
})

const path = "/api/v2/admin/repairs"

type Found = { id: number; plugin: string; code: string; severity: string; message: string; mend: string }

async function start(cwd: string): Promise<TestHost> {
  await host?.stop()
  host = await startTestHost({ cwd })
  return host
}

async function readRepairs(running: TestHost, query = ""): Promise<Found[]> {
  const { status, body } = await running.ask(path + query)
  expect(status).toBe(200)
  return body.results
}

const codesOf = (repairs: Found[]) => repairs.map(({ code }) => code).sort()

async function untilMended(running: TestHost, id = "one"): Promise<void> {
  await askUntil(running, `/api/v2/plugins/${id}`, ({ state }) => state === "active")
  await askUntil(running, path, ({ count }) => count === 0)
}

/** Types every command that the text names in quotes, or is. */
async function runMend(mend: string, cwd: string, pick = (commands: string[]) => commands): Promise<void> {
  const quoted = [...mend.matchAll(/"pagoda ([^"]+)"/g)].map(([, command]) => command as string)
  const commands = mend.startsWith("pagoda ") ? [mend.slice(7)] : pick(quoted)
  expect(commands).not.toEqual([])
  for (const command of commands) {
    const yes = command.startsWith("plugin update") ? ["--yes"] : []
    const { exitCode, stderr } = await runPagoda([...command.split(" "), ...yes], { cwd })
    expect([exitCode, command, exitCode === 0 ? "" : stderr]).toEqual([0, command, ""])
  }
}

async function editLockfile(cwd: string, change: (plugins: any) => void): Promise<void> {
  const file = join(cwd, "plugins.lock.json")
  const lockfile = JSON.parse(await readFile(file, "utf8"))
  change(lockfile.plugins)
  await writeFiles(cwd, { "plugins.lock.json": JSON.stringify(lockfile) })
}

async function replaceInPlugin(cwd: string, from: string, to: string, id = "one"): Promise<void> {
  const file = `${id}/plugin.ts`
  const code = await readFile(join(cwd, file), "utf8")
  expect(code).toContain(from)
  await writeFiles(cwd, { [file]: code.replace(from, to) })
}

/** What it says in its manifest as well. */
async function declare(cwd: string, id: string, declared: object): Promise<void> {
  const file = `${id}/package.json`
  const about = JSON.parse(await readFile(join(cwd, file), "utf8"))
  await writeFiles(cwd, { [file]: JSON.stringify({ ...about, pagoda: { ...about.pagoda, ...declared } }) })
  await editLockfile(cwd, (plugins) => {
    delete plugins[id].integrity
  })
  expect((await runPagoda(["lock"], { cwd })).exitCode).toBe(0)
}

const good: PluginCode = { fields: "" }

test("nothing needs an administrator where all plugins are active, and nothing is said to others", async () => {
  const running = await start(await makePluginFolder({ one: good }))
  expect(await readRepairs(running)).toEqual([])
  expect((await running.ask(path, { token: null })).status).toBe(401)
  expect((await running.ask(`${path}/1/resolve`, { method: "POST" })).body.code).toBe("NOT_FOUND")
})

test("changed bytes are a repair until the update that it names", async () => {
  const cwd = await makePluginFolder({ one: good })
  await replaceInPlugin(cwd, "plugin.version", "plugin.version + 1")
  const running = await start(cwd)
  const [repair] = await readRepairs(running)
  expect(repair).toMatchObject({ plugin: "one", code: "INTEGRITY_MISMATCH", severity: "error", count: 1 })
  expect(repair?.message).toContain("lockfile says")
  await runMend(repair?.mend ?? "", cwd, (commands) => commands.filter((command) => command.includes("update")))
  await untilMended(running)
  const [over] = await readRepairs(running, "?resolved=true")
  expect(over).toMatchObject({ id: repair?.id, code: "INTEGRITY_MISMATCH", resolved_by: null })
}, 30_000)

test("a plugin without integrity is a repair until it is locked", async () => {
  const cwd = await makePluginFolder({ one: good })
  await editLockfile(cwd, (plugins) => {
    delete plugins.one.integrity
  })
  const running = await start(cwd)
  const [repair] = await readRepairs(running)
  expect(repair).toMatchObject({ code: "INTEGRITY_MISSING" })
  await runMend(repair?.mend ?? "", cwd)
  await untilMended(running)
}, 30_000)

for (const [code, fields] of [
  ["PERMISSIONS_PENDING", ""],
  ["PERMISSION_MISSING", `overrides: { list: () => ({}) },`],
]) {
  test(`permissions that are not granted are the repair ${code} until they are`, async () => {
    const cwd = await makePluginFolder({ one: { fields: fields as string, permissions: ["entries:read"] } })
    await editLockfile(cwd, (plugins) => {
      plugins.one.permissions = []
    })
    const running = await start(cwd)
    const [repair] = await readRepairs(running)
    expect(repair).toMatchObject({ code })
    expect(repair?.message).toContain("entries:read")
    expect(repair?.mend).toContain('"permissions" of "one" in plugins.lock.json')
    await editLockfile(cwd, (plugins) => {
      plugins.one.permissions = ["entries:read"]
    })
    await runMend(repair?.mend ?? "", cwd)
    await untilMended(running)
  }, 30_000)
}

test("an unsupported host version and a broken initialize are repairs until another version of the plugin comes", async () => {
  const engines = `engines: { pagoda: ">=99.0.0" },`
  const throwing = `initialize() { throw new Error("no luck") },`
  const cwd = await makePluginFolder({ one: { fields: engines }, two: { fields: throwing } })
  await declare(cwd, "one", { engines: { pagoda: ">=99.0.0" } })
  const running = await start(cwd)
  const repairs = await readRepairs(running)
  const [one, two] = ["one", "two"].map((id) => repairs.find(({ plugin }) => plugin === id) as Found)
  expect(one).toMatchObject({ code: "PLUGIN_INCOMPATIBLE", severity: "error" })
  expect(two).toMatchObject({ code: "INITIALIZE_FAILED", severity: "error" })
  expect(two?.message).toContain("no luck")
  await replaceInPlugin(cwd, throwing, "", "two")
  await writeFiles(cwd, below("one", pluginFiles("one", { version: "1.0.1" })))
  for (const repair of [one, two])
    await runMend(repair?.mend ?? "", cwd, (commands) => commands.filter((command) => command.includes("update")))
  await untilMended(running, "two")
}, 30_000)

test("a failed migration is a repair until the update with one that works", async () => {
  const fields = `migrations: [{ name: "one", up: "create nonsense" }],`
  const cwd = await makePluginFolder({ one: { fields, permissions: ["db"] } })
  const running = await start(cwd)
  const [repair] = await readRepairs(running)
  expect(repair).toMatchObject({ code: "MIGRATION_FAILED", severity: "error" })
  await replaceInPlugin(cwd, "create nonsense", "create table sense (id integer)")
  await runMend(repair?.mend ?? "", cwd, (commands) => commands.filter((command) => command.includes("update")))
  await untilMended(running)
}, 30_000)

test("a plugin that needs a disabled one names the command that enables that", async () => {
  const cwd = await makePluginFolder({ one: { fields: `dependencies: { two: "*" },` }, two: good })
  await declare(cwd, "one", { dependencies: { two: "*" } })
  await runPagoda(["plugin", "disable", "two"], { cwd })
  const running = await start(cwd)
  const repairs = await readRepairs(running)
  expect(codesOf(repairs)).toEqual(["DEPENDENCY_FAILED", "PLUGIN_DISABLED"])
  const needy = repairs.find(({ code }) => code === "DEPENDENCY_FAILED")
  expect(needy).toMatchObject({ plugin: "one", mend: "pagoda plugin enable two" })
  await runMend(needy?.mend ?? "", cwd)
  await untilMended(running)
}, 30_000)

test("while a plugin is out its overrides, hooks and jobs are repairs, and none once it is enabled", async () => {
  const cwd = await makePluginFolder({
    one: {
      permissions: ["entries:read", "jobs:create"],
      fields: `
        overrides: { list: () => ({ mine: true }) },
        hooks: [{ name: "entry.after_create", durable: true, handler: () => {} }],
        jobs: { 4100: { name: "LATER", run: () => "done" } },`,
    },
  })
  const running = await start(cwd)
  await running.ask("/api/v2/entities", { body: { name: "Server", attrs: [] } })
  const bind = { plugin: "one", operations: ["list"] }
  await running.ask("/api/v2/admin/entities/1/override", { method: "PUT", body: bind })
  expect((await running.ask("/api/v2/entities/1/entries")).body).toEqual({ mine: true })
  const switchTo = (verb: string) => running.ask(`/api/v2/admin/plugins/one/${verb}`, { method: "POST" })
  expect((await switchTo("disable")).status).toBe(200)
  expect((await running.ask("/api/v2/entities/1/entries")).body).toMatchObject({ count: 0 })
  const repairs = await readRepairs(running)
  expect(codesOf(repairs)).toEqual(["HOOKS_SKIPPED", "OVERRIDES_STANDARD", "PLUGIN_DISABLED"])
  expect(new Set(repairs.map(({ mend }) => mend))).toEqual(new Set(["pagoda plugin enable one"]))
  expect(repairs.find(({ code }) => code === "OVERRIDES_STANDARD")?.message).toContain("1 operation of 1 entity")
  await runMend("pagoda plugin enable one", cwd)
  await untilMended(running)
  expect((await running.ask("/api/v2/entities/1/entries")).body).toEqual({ mine: true })
}, 30_000)

test("a quarantined plugin is a repair until it is enabled, over a restart too", async () => {
  const fields = `overrides: {}, jobs: { 4100: { name: "BAD", run: () => 1 } },`
  const routes = `.get("/throw", () => { throw new Error("in a route") })`
  const cwd = await makePluginFolder({ one: { fields: `routes: (app) => app${routes},\n${fields}` } })
  let running = await start(cwd)
  for (let nth = 1; nth <= 6; nth++) await running.ask("/api/v2/plugins/one/throw")
  await askUntil(running, "/api/v2/plugins/one", ({ state }) => state === "quarantined")
  const first = await askUntil(running, path, ({ count }) => count > 0)
  expect(first.results[0]).toMatchObject({ code: "QUARANTINED", mend: "pagoda plugin enable one", severity: "error" })
  running = await start(cwd)
  const again = (await readRepairs(running)).find(({ code }) => code === "QUARANTINED")
  expect(again?.id).toBe(first.results[0].id)
  await runMend(again?.mend ?? "", cwd)
  await untilMended(running)
}, 30_000)

test("an administrator says that one is dealt with, which the audit has; it comes back when it is seen again", async () => {
  const cwd = await makePluginFolder({ one: { fields: `initialize() { throw new Error("no luck") },` } })
  const running = await start(cwd)
  const [repair] = await readRepairs(running)
  const said = await running.ask(`${path}/${repair?.id}/resolve`, { method: "POST" })
  expect([said.status, said.body.resolved_by]).toEqual([200, "admin"])
  expect(await readRepairs(running)).toEqual([])
  const { body } = await running.ask("/api/v2/admin/audit")
  expect(body.results[0]).toMatchObject({ action: "resolve", object_type: "repair", object_id: String(repair?.id) })
  await running.ask("/api/v2/admin/plugins/one/enable", { method: "POST" })
  const [back] = await readRepairs(running)
  expect(back).toMatchObject({ code: "INITIALIZE_FAILED", count: 1 })
  expect(back?.id).not.toBe(repair?.id)
}, 30_000)

test("administrators are told of a plugin's notice, its leaving and what that means, as it happens", async () => {
  const cwd = await makePluginFolder({
    one: {
      fields: `routes: (app) => app.get("/tell", async ({ api }) => {
        await api.services.notify({ severity: "warning", message: "look here" })
        return "told"
      }),`,
    },
  })
  const running = await start(cwd)
  const login = { username: "admin", password: "correct horse battery staple" }
  const { token } = (await running.ask("/api/v2/auth/login", { body: login })).body
  const headers = { authorization: `Bearer ${token}` }
  const events = readServerEvents<any>(await fetch(`${running.url}/api/v2/admin/events`, { headers }))
  await events.started
  expect((await running.ask("/api/v2/plugins/one/tell")).body).toBe("told")
  const [notice] = (await events.until(({ event }) => event === "notice")).slice(-1)
  expect(notice?.data).toMatchObject({ plugin: "one", severity: "warning", message: "look here" })
  await runPagoda(["plugin", "disable", "one"], { cwd })
  const kinds = new Set<string>()
  const told = await events.until(({ event }) => kinds.add(event).size === 2)
  expect(told.find(({ event }) => event === "plugin")?.data).toMatchObject({ id: "one", state: "disabled" })
  expect(told.find(({ event }) => event === "repair")?.data).toMatchObject({ code: "PLUGIN_DISABLED", plugin: "one" })
  expect((await running.ask("/api/v2/admin/notices")).body.results).toMatchObject([{ message: "look here" }])
  // a stream that is open keeps no host from stopping
  await running.stop()
  await events.ended
  host = undefined
}, 30_000)

test("no plugin tells administrators more than its limit", async () => {
  const cwd = await makePluginFolder({
    one: {
      fields: `routes: (app) => app.get("/flood", async ({ api }) => {
        const tell = () => api.services.notify({ severity: "info", message: "again" })
        const all = await Promise.allSettled(Array.from({ length: 40 }, tell))
        return all.filter(({ status }) => status === "rejected").map(({ reason }) => reason.code)
      }),`,
    },
  })
  const running = await start(cwd)
  expect((await running.ask("/api/v2/plugins/one/flood")).body).toEqual(Array(10).fill("LIMIT_EXCEEDED"))
  expect((await running.ask("/api/v2/admin/notices")).body.count).toBe(30)
}, 30_000)
