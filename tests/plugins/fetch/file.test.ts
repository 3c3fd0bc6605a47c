import { afterAll, expect, test } from "bun:test"
import { symlink } from "node:fs/promises"
import { join } from "node:path"
import { fetchFile, resolveFile } from "../../../src/plugins/fetch/file.ts"
import { toSri } from "../../../src/plugins/integrity.ts"
import { toLocked } from "../../../src/plugins/lock.ts"
import { readTree, treeIntegrity } from "../../../src/plugins/tree.ts"
import { verifySource } from "../../../src/plugins/verify.ts"
import { makeContext } from "../../support/fetching.ts"
import { flipByte, removeFolders, writeFiles } from "../../support/folder.ts"
import { startRegistry } from "../../support/registry.ts"

afterAll(removeFolders)

const source = (path: string) => ({ kind: "file" as const, path })

test("a folder beside the lockfile is read where it is, and a changed byte is refused with both hashes", async () => {
  const context = (await makeContext()).offlineNow()
  await writeFiles(context.folder, { "plugins/x/plugin.ts": "export default 1", "plugins/x/node_modules/y/z": "" })
  const fetched = await resolveFile(source("./plugins/x"), context)
  expect([...fetched.files.keys()]).toEqual(["plugin.ts"])
  expect(fetched.integrity).toBe(treeIntegrity(await readTree(join(context.folder, "plugins/x"))))
  const locked = toLocked(fetched)
  verifySource("x", locked, await fetchFile(source("./plugins/x"), locked, context))

  await flipByte(join(context.folder, "plugins/x/plugin.ts"))
  const changed = await fetchFile(source("./plugins/x"), locked, context)
  expect(() => verifySource("x", locked, changed)).toThrow(
    `is "${changed.integrity}", lockfile says "${locked.integrity}"`,
  )
})

test("one file is its bytes; an absolute path is one too", async () => {
  const context = (await makeContext()).offlineNow()
  await writeFiles(context.folder, { "one.ts": "export default 1", "two.txt": "" })
  const fetched = await resolveFile(source(join(context.folder, "one.ts")), context)
  expect(fetched).toMatchObject({ entry: "one.ts", integrity: toSri("export default 1") })
  await expect(resolveFile(source("two.txt"), context)).rejects.toThrow('wanted a folder, or a ".ts" or ".js" file')
})

test("what is not there, or is a link, is refused", async () => {
  const context = (await makeContext()).offlineNow()
  await expect(resolveFile(source("./none"), context)).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" })
  await writeFiles(context.folder, { "x/plugin.ts": "" })
  await symlink("/etc/passwd", join(context.folder, "x/passwd"))
  await expect(resolveFile(source("x"), context)).rejects.toThrow('"passwd" is a symbolic link')
})

test("its packages come from the registry once, then from the store", async () => {
  const registry = await startRegistry()
  const context = await makeContext({ registry: registry.url })
  try {
    await registry.publish({ name: "deep", version: "1.0.0" }, { "index.js": "1" })
    await registry.publish({ name: "near", version: "1.0.0", dependencies: { deep: "1" } })
    const packageJson = JSON.stringify({ dependencies: { near: "^1.0.0", "drizzle-orm": "*" } })
    await writeFiles(context.folder, { "x/plugin.ts": "", "x/package.json": packageJson })
    const fetched = await resolveFile(source("x"), context)
    expect([...fetched.packages.keys()].sort()).toEqual(["deep@1.0.0", "near@1.0.0"])

    const locked = toLocked(fetched)
    const before = registry.requests.length
    verifySource("x", locked, await fetchFile(source("x"), locked, context.offlineNow()))
    // not even an absent integrity makes the network be used, where it is not allowed
    const unlocked = fetchFile(source("x"), { source: "file:x" }, context.offlineNow())
    await expect(unlocked).rejects.toMatchObject({ code: "OFFLINE" })
    expect(registry.requests.length).toBe(before)

    const partly = { ...locked, dependencies: { "near@1.0.0": locked.dependencies?.["near@1.0.0"] as string } }
    const lacking = await fetchFile(source("x"), { ...partly, dependencies: {} }, context)
    expect(() => verifySource("x", { ...partly, dependencies: {} }, lacking)).toThrow('run "pagoda lock" to fill it in')
  } finally {
    await registry.stop()
  }
})
