import { afterAll, expect, test } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { openLoadingMarks } from "../../src/plugins/loading-marks.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"

afterAll(removeFolders)

const locked = (integrity: string) => ({ source: "file:x", integrity })
const a = ["a", locked("sha512-a")] as const
const b = ["b", locked("sha512-b")] as const

test("whatever was being loaded when the process ended is a suspect, once more each time", async () => {
  const folder = await makeFolder()
  openLoadingMarks(folder).begin([a, b])
  const second = openLoadingMarks(folder)
  expect([second.crashes(...a), second.crashes(...b)]).toEqual([1, 1])
  second.begin([a])
  const third = openLoadingMarks(folder)
  expect([third.crashes(...a), third.crashes(...b)]).toEqual([2, 1])
  third.begin([a])
  third.begin([b])
  third.end(["a", "b"])
  expect([third.crashes(...a), third.crashes(...b)]).toEqual([0, 0])
  expect(existsSync(`${folder}/loading.json`)).toBe(false)
})

test("another version begins anew", async () => {
  const folder = await makeFolder()
  for (let nth = 1; nth <= 2; nth++) openLoadingMarks(folder).begin([a])
  const newer = ["a", locked("sha512-newer")] as const
  const marks = openLoadingMarks(folder)
  expect([marks.crashes(...a), marks.crashes(...newer)]).toEqual([2, 0])
  marks.begin([newer])
  const next = openLoadingMarks(folder)
  expect([next.crashes(...a), next.crashes(...newer)]).toEqual([0, 1])
})

test("one that was loaded leaves the others under suspicion", async () => {
  const folder = await makeFolder()
  openLoadingMarks(folder).begin([a, b])
  openLoadingMarks(folder).end(["a"])
  const marks = openLoadingMarks(folder)
  expect([marks.crashes(...a), marks.crashes(...b)]).toEqual([0, 1])
})

test("a half written file suspects nobody", async () => {
  const folder = await makeFolder()
  writeFileSync(`${folder}/loading.json`, '{"loading": {"a')
  const marks = openLoadingMarks(folder)
  expect(marks.crashes(...a)).toBe(0)
  marks.end([])
  expect(existsSync(`${folder}/loading.json`)).toBe(false)
})
