import { afterAll, beforeAll, expect, test } from "bun:test"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { startTestHost, type TestHost } from "../support/host.ts"
import { startLoad, tally } from "../support/load.ts"
import { type Entry, makeVersion, type PluginText, writeLock } from "../support/locked-plugins.ts"

const fails = 'initialize: async () => { throw new Error("boom") },'

let folder: string
let host: TestHost

beforeAll(async () => {
  folder = await makeFolder()
  await writeLock(folder, {})
  host = await startTestHost({ cwd: folder })
}, 60_000)

afterAll(async () => {
  await host?.stop()
  await removeFolders()
})

const make = (id: string, version: string, fields = "") =>
  makeVersion(folder, id, { version, manifest: false, fields } satisfies PluginText)
const needs = (id: string, range: string) => `dependencies: { "${id}": "${range}" },`

/** The state, the version and the error of each. */
async function reach(plugins: Record<string, Entry>) {
  await writeLock(folder, plugins)
  const { body } = await host.ask("/api/v2/admin/plugins/sync", { method: "POST" })
  const told = (body.results as any[]).map(({ id, state, version, error }) => [id, [state, version, error?.message]])
  return Object.fromEntries(told) as Record<string, any[]>
}

const active = (version: string) => ["active", version, undefined]

test("where two are updated together and the one that is needed fails, the older ones of both go on", async () => {
  const older = { lib: await make("lib", "1.0.0"), app: await make("app", "1.0.0", needs("lib", "^1.0.0")) }
  expect(await reach(older)).toEqual({ lib: active("1.0.0"), app: active("1.0.0") })
  const newer = { lib: await make("lib", "2.0.0", fails), app: await make("app", "2.0.0", needs("lib", "^2.0.0")) }
  expect(await reach(newer)).toEqual({
    lib: ["active", "1.0.0", expect.stringContaining("boom")],
    app: ["active", "1.0.0", expect.stringContaining('it needs "lib" as "^2.0.0", which is 1.0.0')],
  })
  expect(await reach(older)).toEqual({ lib: active("1.0.0"), app: active("1.0.0") })
}, 30_000)

test("one that cannot go on beside the update of what it needs tells why its own update failed", async () => {
  const app = await make("app", "1.0.0", needs("lib", "^1.0.0"))
  await reach({ lib: await make("lib", "1.0.0"), app })
  const broken = await make("app", "2.0.0", needs("lib", "^2.0.0") + fails)
  expect(await reach({ lib: await make("lib", "2.0.0"), app: broken })).toMatchObject({
    lib: active("2.0.0"),
    app: ["failed", "", expect.stringContaining('Cannot initialize plugin "app": it threw: boom')],
  })
  const { body } = await host.ask("/api/v2/admin/repairs")
  expect(body.results).toMatchObject([{ plugin: "app", code: "INITIALIZE_FAILED" }])
}, 30_000)

test("what needs one that fails in its initialize names the whole chain down to that", async () => {
  const first = await make("first", "1.0.0", fails)
  const second = await make("second", "1.0.0", needs("first", "*"))
  const third = await make("third", "1.0.0", needs("second", "*"))
  expect((await reach({ first, second, third })).third?.[2]).toBe(
    'Cannot load plugin "third": it needs "second", which needs "first", which is failed',
  )
}, 30_000)

test("what one plugin needs no more goes without a gap for those that need that plugin", async () => {
  const third = await make("third", "1.0.1", needs("second", "*"))
  const all = { first: await make("first", "1.0.1"), second: await make("second", "1.0.1", needs("first", "*")), third }
  await reach(all)
  const path = "/api/v2/plugins/third/version"
  const load = startLoad(host.url, [path])
  const lone = { second: await make("second", "1.0.2"), third }
  expect(await reach(lone)).toEqual({ second: active("1.0.2"), third: active("1.0.1") })
  await load.more(20)
  expect(Object.keys(tally(await load.stop(), path))).toEqual(["200 1.0.1"])
}, 30_000)
