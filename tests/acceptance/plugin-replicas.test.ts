import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { startLoad, tally } from "../support/load.ts"
import { type Entry, makeVersion, writeLock } from "../support/locked-plugins.ts"
import { runPagoda, untilSaid } from "../support/pagoda.ts"
import { createPostgresDatabase, type PostgresDatabase } from "../support/postgres.ts"

const path = "/api/v2/plugins/changing/version"
/** Milliseconds. */
const soon = 2_000

let postgres: PostgresDatabase
let env: Record<string, string>
let folder: string
let entry: Entry
let replicas: TestHost[] = []

beforeAll(async () => {
  postgres = await createPostgresDatabase()
  env = { DATABASE_URL: postgres.url, PAGODA_SECRET_KEY: "a key that two replicas share, long enough" }
  folder = await makeFolder()
  entry = await makeVersion(folder, "changing")
  await writeLock(folder, { changing: entry })
  for (const at of [0, 1])
    replicas.push(await startTestHost({ cwd: folder, env }, ["--data-dir", join(folder, `data-${at}`)]))
}, 60_000)

afterAll(async () => {
  await Promise.all(replicas.map((host) => host.stop()))
  replicas = []
  await postgres.drop()
  await removeFolders()
})

const both = () => replicas as [TestHost, TestHost]

async function untilState(host: TestHost, state: string) {
  const since = performance.now()
  await askUntil(host, "/api/v2/plugins/changing", (body) => body.state === state, soon)
  return performance.now() - since
}

test("disable and enable on one replica are the other's within 2 s, and no request is dropped", async () => {
  const [one, two] = both()
  const loads = replicas.map((host) => startLoad(host.url, [path], 100))
  for (const [verb, state] of [
    ["disable", "disabled"],
    ["enable", "active"],
  ] as const) {
    expect((await one.ask(`/api/v2/admin/plugins/changing/${verb}`, { method: "POST" })).body.state).toBe(state)
    expect(await untilState(two, state)).toBeLessThan(soon)
    expect((await two.ask(path)).status).toBe(state === "active" ? 200 : 404)
  }
  for (const load of loads)
    for (const answer of Object.keys(tally(await load.stop(), path))) expect(["200 1.0.0", "404"]).toContain(answer)
}, 30_000)

test("a command reaches every replica, also from a machine where none runs", async () => {
  const cli = (...args: string[]) =>
    runPagoda([...args, "--data-dir", join(folder, "data-elsewhere")], { cwd: folder, env })
  const disabled = await cli("plugin", "disable", "changing")
  expect([disabled.exitCode, disabled.stdout]).toEqual([
    0,
    expect.stringContaining("every host of this database was told"),
  ])
  for (const host of replicas) expect(await untilState(host, "disabled")).toBeLessThan(soon)
  expect(await cli("plugin", "enable", "changing")).toMatchObject({ exitCode: 0 })
  for (const host of replicas) expect(await untilState(host, "active")).toBeLessThan(soon)
}, 30_000)

test("a new version of a lockfile that they share reaches both", async () => {
  const [one, two] = both()
  entry = await makeVersion(folder, "changing", { version: "1.1.0" })
  await writeLock(folder, { changing: entry })
  await one.ask("/api/v2/admin/plugins/sync", { method: "POST" })
  await askUntil(two, "/api/v2/plugins/changing", ({ version }) => version === "1.1.0", soon)
}, 30_000)

test("a replica whose lockfile cannot be read takes what is disabled all the same", async () => {
  const [one] = both()
  const apart = await makeFolder()
  await writeLock(apart, { changing: await makeVersion(apart, "changing", { version: "1.1.0" }) })
  const host = await startTestHost({ cwd: apart, env })
  try {
    await writeFiles(apart, { "plugins.lock.json": "{ half of" })
    for (const [verb, state] of [
      ["disable", "disabled"],
      ["enable", "active"],
    ] as const) {
      await one.ask(`/api/v2/admin/plugins/changing/${verb}`, { method: "POST" })
      await untilState(host, state)
    }
    await untilSaid(host, "What runs stays as it is")
  } finally {
    await host.stop()
  }
}, 30_000)

test("what one replica cannot load is told of until it can, whoever starts meanwhile", async () => {
  const [one] = both()
  const apart = await makeFolder()
  const broken = { version: "1.1.0", body: 'throw new Error("only here")' }
  await writeLock(apart, { changing: await makeVersion(apart, "changing", broken) })
  const host = await startTestHost({ cwd: apart, env })
  const isTold = ({ results }: any) => results.some(({ code }: any) => code === "IMPORT_FAILED")
  await askUntil(one, "/api/v2/admin/repairs", isTold)
  const third = await startTestHost({ cwd: folder, env }, ["--data-dir", join(folder, "data-third")])
  try {
    await untilSaid(third, "Resolved: ")
    await askUntil(one, "/api/v2/admin/repairs", isTold)
    await writeLock(apart, { changing: await makeVersion(apart, "changing", { version: "1.1.0" }) })
    await host.ask("/api/v2/admin/plugins/sync", { method: "POST" })
    await askUntil(one, "/api/v2/admin/repairs", (body) => !isTold(body))
  } finally {
    await Promise.all([host.stop(), third.stop()])
  }
}, 60_000)

test("a replica whose own lockfile names another version says that it is out of step", async () => {
  const [one] = both()
  const apart = await makeFolder()
  const host = await startTestHost({ cwd: apart, env })
  try {
    await writeLock(apart, { changing: await makeVersion(apart, "changing", { version: "1.2.0" }) })
    await host.ask("/api/v2/admin/plugins/sync", { method: "POST" })
    await untilSaid(one, "Lockfile and database are out of step")
    expect((await one.ask(path)).body).toBe("1.1.0")
    expect((await host.ask(path)).body).toBe("1.2.0")
  } finally {
    await host.stop()
  }
}, 30_000)
