import { afterAll, afterEach, expect, test } from "bun:test"
import { userInfo } from "node:os"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { startTestHost, type TestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

afterAll(removeFolders)

let host: TestHost | undefined
afterEach(async () => {
  await host?.stop()
  host = undefined
})

const who = `cli:${userInfo().username}`

test("the audit has who added, updated, disabled, enabled and removed a plugin, and what it was before", async () => {
  const cwd = await makeFolder(below("one", pluginFiles("one")))
  host = await startTestHost({ cwd })
  const run = async (...args: string[]) => {
    const { exitCode, stderr } = await runPagoda(["plugin", ...args], { cwd })
    expect([args, exitCode, stderr.includes("audit")]).toEqual([args, 0, false])
  }
  await run("add", "./one", "--yes")
  await writeFiles(cwd, below("one", pluginFiles("one", { version: "1.0.1", permissions: ["jobs:create"] })))
  await run("update", "one", "--yes")
  await run("disable", "one")
  await host.stop()
  host = undefined
  await run("enable", "one")
  await run("remove", "one", "--yes")
  host = await startTestHost({ cwd })
  const { body } = await host.ask("/api/v2/admin/audit")
  const records = body.results.filter(({ object_type }: any) => object_type === "plugin").reverse()
  expect(records.map(({ action, user, object_id }: any) => [action, user.username, object_id])).toEqual(
    ["add", "update", "disable", "enable", "remove"].map((action) => [action, who, "one"]),
  )
  expect(records[0].changes).toMatchObject({ before: null, after: { version: "1.0.0", permissions: [] } })
  expect(records[1].changes).toMatchObject({
    before: { version: "1.0.0", permissions: [] },
    after: { version: "1.0.1", permissions: ["jobs:create"] },
  })
  expect(records[4].changes).toMatchObject({ before: { version: "1.0.1" }, after: null })
}, 30_000)

test("the audit has who deleted the data of a plugin and who replaced the secret key", async () => {
  const cwd = await makeFolder(below("one", pluginFiles("one")))
  for (const args of [
    ["plugin", "add", "./one", "--yes"],
    ["plugin", "disable", "one"],
    ["plugin", "remove", "one", "--purge", "--yes"],
    ["doctor", "--rotate-key"],
  ]) {
    const { exitCode, stderr } = await runPagoda(args, { cwd })
    expect([args, exitCode, stderr]).toEqual([args, 0, ""])
  }
  host = await startTestHost({ cwd })
  const { body } = await host.ask("/api/v2/admin/audit")
  const found = body.results.filter(
    ({ action, object_type }: any) => action === "purge" || object_type === "secret_key",
  )
  expect(found).toMatchObject([
    { user: { username: who }, action: "update", object_type: "secret_key", changes: { secrets: 0 } },
    { user: { username: who }, action: "purge", object_id: "one", changes: { is_installed: true, repairs: 0 } },
  ])
}, 30_000)

test("where no host ever ran no database is made for it", async () => {
  const cwd = await makeFolder(below("one", pluginFiles("one")))
  const { exitCode } = await runPagoda(["plugin", "add", "./one", "--yes"], { cwd })
  expect(exitCode).toBe(0)
  expect(await Bun.file(`${cwd}/.pagoda/pagoda.db`).exists()).toBe(false)
}, 30_000)
