import { afterAll, afterEach, beforeEach, expect, test } from "bun:test"
import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { watchLockfile } from "../../src/cli/watch-lockfile.ts"
import type { Undo } from "../../src/undo.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"

let folder: string
let file: string
let seen: string[]
let undo: Undo

const note = () => void seen.push(readContent())
const readContent = () => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return "gone"
  }
}

beforeEach(async () => {
  folder = await makeFolder({ "plugins.lock.json": "first" })
  file = join(folder, "plugins.lock.json")
  seen = []
  undo = watchLockfile(file, note)
})
afterEach(() => undo())
afterAll(removeFolders)

async function untilSeen(...wanted: string[]) {
  const end = performance.now() + 5_000
  while (seen.length < wanted.length && performance.now() < end) await Bun.sleep(5)
  expect(seen).toEqual(wanted)
}

test("a burst of writes is told once, with the last of them", async () => {
  for (let part = 0; part < 30; part++) writeFileSync(file, `part ${part}`)
  await untilSeen("part 29")
})

test("a new file in place of the old one, one that is gone, and one that comes back are told", async () => {
  writeFileSync(`${file}.new`, "second")
  renameSync(`${file}.new`, file)
  await untilSeen("second")
  rmSync(file)
  await untilSeen("second", "gone")
  writeFileSync(file, "back")
  await untilSeen("second", "gone", "back")
})

test("what changes nothing, or another file, is not told", async () => {
  writeFileSync(file, "first")
  writeFileSync(join(folder, "other.json"), "x")
  writeFileSync(file, "second")
  await untilSeen("second")
})

test("a link is followed: what it points to is watched as well", async () => {
  const elsewhere = await makeFolder({ "lock.json": "linked" })
  rmSync(file)
  symlinkSync(join(elsewhere, "lock.json"), file)
  undo()
  undo = watchLockfile(file, note)
  writeFileSync(join(elsewhere, "lock.json"), "changed")
  await untilSeen("changed")
})

test("a folder that is not there is refused", () => {
  expect(() => watchLockfile(join(folder, "none", "plugins.lock.json"), note)).toThrow("Cannot watch")
})
