import { afterAll, expect, test } from "bun:test"
import { userInfo } from "node:os"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { makeVersion, writeLock } from "../support/locked-plugins.ts"
import { runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"
import { createPostgresDatabase } from "../support/postgres.ts"

afterAll(removeFolders)

const audit = "/api/v2/admin/audit"
const toTold = ({ results }: any) =>
  results
    .filter(({ object_type }: any) => object_type === "plugin")
    .map(({ user, action, object_id }: any) => `${user.username}: ${action} ${object_id}`)
    .reverse()
const untilTold = async (host: TestHost, ...wanted: string[]) =>
  toTold(await askUntil(host, audit, (body) => toTold(body).length >= wanted.length))
const sync = (host: TestHost) => host.ask("/api/v2/admin/plugins/sync", { method: "POST" })

test("the audit has what a running host took from an edited lockfile, and what a command changed only once", async () => {
  const cwd = await makeFolder(below("own", pluginFiles("own")))
  const one = await makeVersion(cwd, "one")
  await writeLock(cwd, { one })
  const host = await startTestHost({ cwd }, ["--watch"])
  try {
    const two = await makeVersion(cwd, "two")
    await writeLock(cwd, { one, two })
    const told = ["lockfile: add two"]
    expect(await untilTold(host, ...told)).toEqual(told)
    const newer = await makeVersion(cwd, "two", { version: "1.1.0" })
    await writeLock(cwd, { one, two: newer })
    told.push("lockfile: update two")
    expect(await untilTold(host, ...told)).toEqual(told)
    const { results } = (await host.ask(audit)).body
    expect(results[0].changes).toMatchObject({ before: { source: two.source }, after: { source: newer.source } })

    expect(await runPagoda(["plugin", "add", "./own", "--yes"], { cwd })).toMatchObject({ exitCode: 0 })
    await askUntil(host, "/api/v2/plugins/own", ({ state }) => state === "active")
    expect(await runPagoda(["plugin", "remove", "own", "--yes"], { cwd })).toMatchObject({ exitCode: 0 })
    const who = `cli:${userInfo().username}`
    told.push(`${who}: add own`, `${who}: remove own`)
    await writeLock(cwd, { one })
    told.push("lockfile: remove two")
    expect(await untilTold(host, ...told)).toEqual(told)
    await writeFiles(cwd, { "plugins.lock.json": "{ half of" })
    await sync(host)
    expect(toTold((await host.ask(audit)).body)).toEqual(told)
  } finally {
    await host.stop()
  }
}, 60_000)

test("replicas that read one lockfile write down an edit once", async () => {
  const postgres = await createPostgresDatabase()
  const env = { DATABASE_URL: postgres.url, PAGODA_SECRET_KEY: "a key that two replicas share, long enough" }
  const cwd = await makeFolder()
  await writeLock(cwd, {})
  const start = (at: number) => startTestHost({ cwd, env }, ["--data-dir", join(cwd, `data-${at}`)])
  const [one, two] = [await start(0), await start(1)]
  try {
    await writeLock(cwd, { late: await makeVersion(cwd, "late") })
    await Promise.all([sync(one), sync(two)])
    await askUntil(two, "/api/v2/plugins/late", ({ state }) => state === "active")
    // what it has to write is written then
    await two.stop()
    expect(await untilTold(one, "")).toEqual(["lockfile: add late"])
  } finally {
    await Promise.all([one.stop(), two.stop()])
    await postgres.drop()
  }
}, 60_000)
