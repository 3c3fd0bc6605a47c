import { afterAll, beforeAll, expect, test } from "bun:test"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"

type Case = {
  /** The body of the module, with `define` = `definePlugin` of id, name and version. */
  code: string
  permissions?: string[]
  /** What its record must say; nothing for one that is merely ill-behaved and stays active. */
  refused?: { step: string; code: string; message: string }
  /** It is active, and fails so often that it does not stay so. */
  quarantined?: boolean
}

const cases: Record<string, Case> = {
  "exports-nothing": { code: "", refused: { step: "import", code: "PLUGIN_INVALID", message: "no default export" } },
  "throws-at-import": {
    code: `throw new Error("not today")`,
    refused: { step: "import", code: "IMPORT_FAILED", message: "not today" },
  },
  "never-settles": {
    code: `await new Promise(() => {}); export default define({})`,
    refused: { step: "import", code: "IMPORT_TIMEOUT", message: "20 s" },
  },
  "exits-at-import": {
    code: `process.exit(3); export default define({})`,
    refused: { step: "bundle", code: "IMPORT_FORBIDDEN", message: 'needs the permission "import:process"' },
  },
  "exits-at-import-granted": {
    code: `process.exit(3); export default define({ permissions: ["import:process"] })`,
    permissions: ["import:process"],
    refused: { step: "import", code: "IMPORT_FAILED", message: "process.exit is refused" },
  },
  "reads-the-disk": {
    code: `import { readFileSync } from "node:fs"; readFileSync("/etc/hostname"); export default define({})`,
    refused: { step: "bundle", code: "IMPORT_FORBIDDEN", message: 'needs the permission "import:node:fs"' },
  },
  "does-not-parse": {
    code: `export default (`,
    refused: { step: "bundle", code: "BUNDLE_FAILED", message: "plugin.ts" },
  },
  "routes-outside": {
    code: `export default define({ routes: (app) => app.get("/../../../me", () => "mine") })`,
    refused: { step: "mount", code: "PLUGIN_INVALID", message: "outside of" },
  },
  "another-app": {
    code: `import { Elysia } from "elysia"; export default define({ routes: () => new Elysia().get("/api/v2/me", () => "mine") })`,
    refused: { step: "mount", code: "PLUGIN_INVALID", message: "another app" },
  },
  listens: {
    code: `export default define({ routes: (app) => app.listen(0) })`,
    refused: { step: "mount", code: "PLUGIN_INVALID", message: "cannot listen" },
  },
  "takes-a-job-number": {
    code: `export default define({ jobs: { 700: { name: "MINE", run: async () => {} } } })`,
    refused: { step: "mount", code: "JOB_NUMBER_TAKEN", message: "700" },
  },
  "job-number-too-low": {
    code: `export default define({ jobs: { 7: { name: "MINE", run: async () => {} } } })`,
    refused: { step: "mount", code: "PLUGIN_INVALID", message: "200–9999" },
  },
  "throws-in-initialize": {
    code: `export default define({ initialize: () => { throw new Error("cold start") } })`,
    refused: { step: "initialize", code: "INITIALIZE_FAILED", message: "cold start" },
  },
  "throws-the-unspeakable-in-routes": {
    code: `export default define({ routes: () => { throw Object.create(null) } })`,
    refused: {
      step: "mount",
      code: "PLUGIN_FAILED",
      message: 'Cannot mount plugin "throws-the-unspeakable-in-routes"',
    },
  },
  "throws-in-routes": {
    code: `export default define({ routes: () => { throw new Error("no way") } })`,
    refused: { step: "mount", code: "PLUGIN_FAILED", message: 'plugin "throws-in-routes": it threw: no way' },
  },
  "throws-when-looked-at": {
    code: `export default { id: "throws-when-looked-at", name: "x", version: "1.0.0", get routes() { throw { toString() { throw 1 } } } }`,
    refused: { step: "check", code: "PLUGIN_FAILED", message: "cannot be shown" },
  },
  "declares-nulls": {
    code: `export default { id: "declares-nulls", name: "x", version: "1.0.0", dependencies: null }`,
    refused: { step: "check", code: "PLUGIN_INVALID", message: 'its "dependencies" are no object' },
  },
  "wants-another-host": {
    code: `export default define({ engines: { pagoda: "^9.0.0" } })`,
    refused: { step: "check", code: "PLUGIN_INCOMPATIBLE", message: "^9.0.0" },
  },
  "leaves-an-interval": {
    code: `setInterval(() => { throw new Error("late") }, 5); export default define({ routes: (app) => app.get("/", () => "here") })`,
    quarantined: true,
  },
  "rejects-late": {
    code: `setTimeout(() => Promise.reject(new Error("nobody waits")), 5); export default define({})`,
  },
  "throws-a-circle-late": {
    code: `const circle = {}; circle.circle = circle; setTimeout(() => { throw circle }, 5); export default define({})`,
  },
  "throws-the-unspeakable-late": {
    code: `const evil = new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 }, ownKeys() { throw 3 } })
setTimeout(() => { throw evil }, 5); setTimeout(() => Promise.reject(evil), 5); export default define({})`,
  },
  "exits-late": {
    code: `setTimeout(() => { process.exit(5); return 1 }, 5); export default define({ permissions: ["import:process"] })`,
    permissions: ["import:process"],
  },
  "has-global-handlers": {
    code: `export default define({ routes: (app) => app
      .onRequest(() => new Response("caught every request"))
      .onError({ as: "global" }, () => new Response("<h1>mine</h1>", { status: 418, headers: { "content-type": "text/html" } }))
      .onAfterHandle({ as: "global" }, () => "replaced")
      .get("/", () => "here") })`,
  },
}

const good = `export default define({
  jobs: { 700: { name: "GOOD", run: async () => "fine" } },
  routes: (app) => app.get("/", () => "good", { auth: false }) })`

let host: TestHost

beforeAll(async () => {
  const folder = await makeFolder()
  const plugins: Record<string, object> = {}
  for (const [id, { code, permissions = [] }] of Object.entries({
    "a-good-one": { code: good },
    ...cases,
  } as typeof cases)) {
    const plugin = `import { definePlugin } from "@pagoda/sdk"
const define = (more) => definePlugin({ id: "${id}", name: "${id}", version: "1.0.0", ...more })
${code}
`
    const manifest = { name: id, version: "1.0.0", type: "module" }
    await writeFiles(folder, { [`${id}/plugin.ts`]: plugin, [`${id}/package.json`]: JSON.stringify(manifest) })
    plugins[id] = { source: `file:${id}`, permissions, isolation: "in-process" }
  }
  await writeFiles(folder, { "plugins.lock.json": JSON.stringify({ lockfileVersion: 1, plugins }) })
  const locked = await runPagoda(["lock"], { cwd: folder })
  expect(locked).toMatchObject({ exitCode: 0 })
  host = await startTestHost({ cwd: folder })
}, 60_000)

afterAll(async () => {
  await host?.stop()
  await removeFolders()
})

for (const [id, { refused, quarantined }] of Object.entries(cases)) {
  test(`a plugin that ${id.replaceAll("-", " ")} ${refused ? `is refused at ${refused.step}` : "harms nobody"}`, async () => {
    if (quarantined) {
      await askUntil(host, `/api/v2/plugins/${id}`, ({ state }) => state === "quarantined")
      return
    }
    const { body } = await host.ask(`/api/v2/plugins/${id}`)
    if (!refused) {
      expect(body.state).toBe("active")
      return
    }
    expect(body).toMatchObject({ state: "failed", error: { step: refused.step, code: refused.code } })
    expect(body.error.message).toContain(refused.message)
    expect((await host.ask(`/api/v2/plugins/${id}/x`)).status).toBe(404)
  })
}

test("beside all of them the core and the good plugin serve as ever", async () => {
  expect((await host.ask("/health/ready")).status).toBe(200)
  expect((await host.ask("/api/v2/me")).body.username).toBe("admin")
  expect((await host.ask("/api/v2/nothing")).type).toBe("application/problem+json")
  expect(await host.ask("/api/v2/plugins/a-good-one/", { token: null })).toMatchObject({ status: 200, body: "good" })
})

test("late errors are in the log under the plugin that left them", async () => {
  const deadline = performance.now() + 5_000
  const isThere = () =>
    ["leaves-an-interval", "rejects-late", "exits-late"].every((id) =>
      host.stderr().includes(`Plugin \\"${id}\\" left`),
    )
  while (!isThere() && performance.now() < deadline) await Bun.sleep(20)
  expect(isThere()).toBe(true)
})
