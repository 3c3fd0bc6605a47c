import { afterAll, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { editLockfile } from "../../src/cli/edit.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { runPagoda } from "../support/pagoda.ts"

afterAll(removeFolders)

const text = '{"lockfileVersion": 1, "plugins": {}}'
const hash = (of: string) => createHash("sha256").update(of).digest("hex")

async function endedPid(): Promise<number> {
  const child = Bun.spawn(["true"])
  await child.exited
  return child.pid
}

/** A folder as a command leaves it that is killed in the middle of its write. */
async function makeKilled(entry: object) {
  const cwd = await makeFolder({ "plugins.lock.json": text })
  const folder = join(cwd, ".plugins.lock.json.commands")
  mkdirSync(folder)
  const about = { command: "plugin add ./x", pid: await endedPid(), host: hostname(), started_at: new Date() }
  const where = { step: "write", plugin: "x", lockfile: join(cwd, "plugins.lock.json"), before: hash(text) }
  writeFileSync(join(folder, "1.json"), JSON.stringify({ ...about, ...where, ...entry }))
  writeFileSync(join(cwd, ".plugins.lock.json.0123456789ab"), "half")
  writeFileSync(join(cwd, "plugins.lock.json.editing"), JSON.stringify({ pid: about.pid, host: hostname() }))
  const list = () => runPagoda(["plugin", "list"], { cwd, env: { PAGODA_LOG_FORMAT: "json" } })
  return { cwd, folder, list }
}

test("what a killed command left is told once, and taken away at once", async () => {
  const { cwd, list } = await makeKilled({})
  const begin = performance.now()
  const { stderr, stdout, exitCode } = await list()
  expect(performance.now() - begin).toBeLessThan(5000)
  expect([exitCode, stdout]).toEqual([0, "No plugins are installed.\n"])
  expect(JSON.parse(stderr)).toMatchObject({
    level: "warn",
    message:
      '"pagoda plugin add ./x" was cut short at the step "write" of "x": plugins.lock.json is as it was before that (the old state); run it again if it is still wanted',
  })
  expect(readdirSync(cwd).filter((name) => name !== ".pagoda")).toEqual(["plugins.lock.json"])
  expect((await list()).stderr).toBe("")
})

test("a command that was killed after it wrote is said to have left the new state, and what is left to do", async () => {
  const { list } = await makeKilled({ before: null, after: "run it again" })
  expect((await list()).stderr).toContain("has what it wrote (the new state); run it again")
})

test("a command that still runs, here or on another machine, is left alone", async () => {
  for (const maker of [{ pid: process.pid }, { host: "elsewhere" }]) {
    const { folder, list } = await makeKilled(maker)
    expect((await list()).stderr).toBe("")
    expect(readdirSync(folder)).toEqual(["1.json"])
  }
})

test("what is no entry, and what is half written, is harmless, and goes when it is old", async () => {
  const { cwd, folder, list } = await makeKilled({})
  for (const name of ["a.json", "b.json.new"]) writeFileSync(join(folder, name), "{")
  await list()
  expect(readdirSync(folder)).toEqual(["a.json", "b.json.new"])
  for (const name of ["a.json", "b.json.new"]) utimesSync(join(folder, name), new Date(0), new Date(0))
  expect((await list()).stderr).toBe("")
  expect(readdirSync(cwd)).not.toContain(".plugins.lock.json.commands")
})

test("an edit waits for one that runs, and not for one whose process is gone", async () => {
  const cwd = await makeFolder({ "plugins.lock.json": text })
  const file = join(cwd, "plugins.lock.json")
  writeFileSync(`${file}.editing`, JSON.stringify({ pid: await endedPid(), host: hostname() }))
  await editLockfile(file, () => {})
  writeFileSync(`${file}.editing`, JSON.stringify({ pid: process.pid, host: hostname() }))
  let isDone = false
  const waiting = editLockfile(file, () => {}).then(() => {
    isDone = true
  })
  await Promise.race([waiting, Bun.sleep(200)])
  expect(isDone).toBe(false)
  writeFileSync(`${file}.editing`, JSON.stringify({ pid: await endedPid(), host: hostname() }))
  await waiting
})
