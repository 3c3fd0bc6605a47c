import { afterAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { startTestHost } from "../support/host.ts"
import { makeVersion, writeLock } from "../support/locked-plugins.ts"
import { runPagoda } from "../support/pagoda.ts"

afterAll(removeFolders)

const next = 'takes effect with the next "pagoda serve"'

test("a command reaches the host of its data directory, and says so where none runs or one was killed", async () => {
  const cwd = await makeFolder()
  await writeLock(cwd, { steady: await makeVersion(cwd, "steady") })
  const run = (...args: string[]) => runPagoda(args, { cwd })
  const host = await startTestHost({ cwd })
  expect((await run("plugin", "disable", "steady")).stdout).toContain("In the host that runs, steady is disabled")
  await host.stop("SIGKILL")
  expect(existsSync(join(cwd, ".pagoda/control.sock"))).toBe(true)
  expect(await run("plugin", "enable", "steady")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(next) })
  expect((await run("plugin", "sync")).stdout).toContain(next)
  const again = await startTestHost({ cwd })
  expect((await run("plugin", "sync")).stdout).toContain("In the host that runs, steady (1.0.0) is active.")
  await again.stop()
  expect(existsSync(join(cwd, ".pagoda/control.sock"))).toBe(false)
}, 30_000)

test("without a host what others need is known from the last time they ran", async () => {
  const cwd = await makeFolder()
  const base = await makeVersion(cwd, "base")
  const fields = 'dependencies: { base: "^1.0.0" },'
  await writeLock(cwd, { base, top: await makeVersion(cwd, "top", { manifest: false, fields }) })
  await (await startTestHost({ cwd })).stop()
  const run = (...args: string[]) => runPagoda(args, { cwd })
  const refused = await run("plugin", "disable", "base")
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('"top" needs it')])
  expect((await run("plugin", "disable", "base", "--force")).stdout).toContain("Disabled base, top")
  const chained = await run("plugin", "enable", "top")
  expect([chained.exitCode, chained.stderr]).toEqual([1, expect.stringContaining('it needs "base", which is disabled')])
  expect(await run("plugin", "enable", "base")).toMatchObject({ exitCode: 0 })
  expect(await run("plugin", "enable", "top")).toMatchObject({ exitCode: 0 })
}, 30_000)

test("a command says whom else it disabled, and that what it enabled does not run", async () => {
  const cwd = await makeFolder()
  const base = await makeVersion(cwd, "base")
  const top = await makeVersion(cwd, "top", { manifest: false, fields: 'dependencies: { base: "^1.0.0" },' })
  const barred = await makeVersion(cwd, "barred")
  await writeLock(cwd, { base, top, barred })
  const host = await startTestHost({ cwd, env: { PAGODA_PLUGINS_BLACKLIST: "barred" } })
  const run = (...args: string[]) => runPagoda(["plugin", ...args], { cwd })
  expect((await run("disable", "base", "--force")).stdout).toContain("Disabled base, top.")
  const enabled = await run("enable", "barred")
  expect([enabled.exitCode, enabled.stderr]).toEqual([
    1,
    expect.stringContaining("barred is still disabled: it is on the blacklist (PAGODA_PLUGINS_BLACKLIST)"),
  ])
  await writeLock(cwd, { base, top, barred, late: await makeVersion(cwd, "late") })
  const late = await run("disable", "late")
  expect([late.exitCode, late.stderr]).toEqual([1, expect.stringContaining('"pagoda plugin sync"')])
  await host.stop()
}, 30_000)
