import { afterAll, expect, test } from "bun:test"
import { utimesSync, writeFileSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { editLockfile } from "../../src/cli/edit.ts"
import { readLockfile } from "../../src/plugins/lockfile.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

afterAll(removeFolders)

test("of commands that edit the lockfile at once none loses what another wrote", async () => {
  const ids = ["a", "b", "c", "d"]
  const cwd = await makeFolder(Object.assign({}, ...ids.map((id) => below(id, pluginFiles(id)))))
  const added = await Promise.all(ids.map((id) => runPagoda(["plugin", "add", `./${id}`, "--yes"], { cwd })))
  expect(added.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0])
  expect(Object.keys((await readLockfile(join(cwd, "plugins.lock.json"))).plugins)).toEqual(ids)
})

test("editLockfile() takes turns, and leaves nothing beside the lockfile, even where a change throws", async () => {
  const folder = await makeFolder()
  const file = join(folder, "plugins.lock.json")
  const ids = Array.from({ length: 20 }, (_, at) => `p${at}`)
  await Promise.all(
    ids.map((id) =>
      editLockfile(file, (plugins) => {
        plugins[id] = { source: `file:${id}` }
      }),
    ),
  )
  const failing = editLockfile(file, () => {
    throw new Error("no")
  })
  await expect(failing).rejects.toThrow("no")
  expect(Object.keys((await readLockfile(file)).plugins).sort()).toEqual(ids.sort())
  expect(await readdir(folder)).toEqual(["plugins.lock.json"])
})

test("editLockfile() does not wait for what a crash left behind", async () => {
  const file = join(await makeFolder(), "plugins.lock.json")
  writeFileSync(`${file}.editing`, "")
  utimesSync(`${file}.editing`, new Date(0), new Date(0))
  await editLockfile(file, () => {})
  expect(await Bun.file(file).exists()).toBe(true)
})
