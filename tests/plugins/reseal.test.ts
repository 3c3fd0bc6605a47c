import { afterAll, expect, test } from "bun:test"
import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { deriveKey } from "../../src/core/secret-key.ts"
import { readTrust, writeTrust } from "../../src/plugins/fetch/trust.ts"
import { toSri } from "../../src/plugins/integrity.ts"
import { resealStore } from "../../src/plugins/store/reseal.ts"
import { openStore } from "../../src/plugins/store.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"

afterAll(removeFolders)

const keyOf = (secret: string) => deriveKey(secret, "store")
const integrity = toSri("a tarball")
const files = new Map([["plugin.ts", new TextEncoder().encode("export default 1")]])

test("what the old key vouches for is good for the new one as well, and stays good for the old one", async () => {
  const folder = await makeFolder()
  const old = openStore(folder, keyOf("old"))
  await old.writeTree(integrity, files)
  await writeTrust(integrity, { signature: "verified" }, old)
  await old.writeBundle("bundle", "code")
  expect(await resealStore(folder, { from: keyOf("old"), to: keyOf("new") })).toBe(1)
  for (const secret of ["old", "new"]) {
    const store = openStore(folder, keyOf(secret))
    expect(await store.readTree(integrity)).toEqual(files)
    expect(await readTrust(integrity, store)).toEqual({ signature: "verified" })
    expect(await store.readBundle("bundle")).toBeUndefined()
  }
  expect(openStore(folder, keyOf("third")).readTree(integrity)).rejects.toMatchObject({ code: "STORE_DAMAGED" })
})

test("what was damaged gets no seal by it", async () => {
  const folder = await makeFolder()
  await openStore(folder, keyOf("old")).writeTree(integrity, files)
  const [name = ""] = readdirSync(join(folder, "trees"))
  const file = join(folder, "trees", name)
  writeFileSync(file, (await Bun.file(file).text()).replace("default 1", "default 2"))
  expect(await resealStore(folder, { from: keyOf("old"), to: keyOf("new") })).toBe(0)
  expect(openStore(folder, keyOf("new")).readTree(integrity)).rejects.toMatchObject({ code: "STORE_DAMAGED" })
})

test("where there is no store there is nothing to do", async () => {
  expect(await resealStore(join(await makeFolder(), "store"), { from: keyOf("old"), to: keyOf("new") })).toBe(0)
})
