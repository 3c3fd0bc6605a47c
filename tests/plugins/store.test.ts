import { afterAll, describe, expect, test } from "bun:test"
import { readdir, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { toSri } from "../../src/plugins/integrity.ts"
import { openStore, type Store } from "../../src/plugins/store.ts"
import { flipByte, makeFolder, removeFolders } from "../support/folder.ts"

afterAll(removeFolders)

const key = new Uint8Array(32).fill(7)
const integrity = toSri("a tarball")
const files = new Map([
  ["package.json", new TextEncoder().encode("{}\n")],
  ["src/plugin.ts", new TextEncoder().encode("export default {}\n")],
  ["日本/empty", new Uint8Array()],
])

async function makeStore(): Promise<{ folder: string; store: Store }> {
  const folder = await makeFolder()
  return { folder, store: openStore(folder, key) }
}

async function entriesOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

test("a tree comes back as it was written, and nothing where there is none", async () => {
  const { store } = await makeStore()
  expect(await store.readTree(integrity)).toBeUndefined()
  await store.writeTree(integrity, files)
  expect(await store.readTree(integrity)).toEqual(files)
  await store.removeTree(integrity)
  expect(await store.readTree(integrity)).toBeUndefined()
})

test("a bundle comes back with its digest", async () => {
  const { store } = await makeStore()
  expect(await store.readBundle("k")).toBeUndefined()
  const written = await store.writeBundle("k", "export default 'ä'")
  expect(written.digest).toBe(toSri("export default 'ä'"))
  expect(await store.readBundle("k")).toEqual(written)
  await store.removeBundle("k")
  expect(await store.readBundle("k")).toBeUndefined()
})

test("the bytes are there uncompressed, for their owner only", async () => {
  const { folder, store } = await makeStore()
  await store.writeTree(integrity, files)
  const [file = ""] = await entriesOf(folder)
  expect(await Bun.file(file).text()).toContain("export default {}\n")
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, "trees"))).mode & 0o777).toBe(0o700)
})

describe("whichever byte of an entry is flipped, it is refused with expected and actual hash", () => {
  const kinds: [name: string, write: (store: Store) => Promise<unknown>, read: (store: Store) => Promise<unknown>][] = [
    ["tree", (store) => store.writeTree(integrity, files), (store) => store.readTree(integrity)],
    ["bundle", (store) => store.writeBundle("k", "export default 1"), (store) => store.readBundle("k")],
  ]
  test.each(kinds)("%s", async (_name, write, read) => {
    const { folder, store } = await makeStore()
    await write(store)
    const [file = ""] = await entriesOf(folder)
    const bytes = await Bun.file(file).bytes()
    for (let index = 0; index < bytes.length; index++) {
      const changed = bytes.slice()
      changed[index] = (changed[index] as number) ^ 1
      await writeFile(file, changed)
      const error = await read(store).then(
        () => undefined,
        (thrown) => thrown,
      )
      expect(error).toMatchObject({ code: "STORE_DAMAGED" })
      expect(error.message).toMatch(/"sha512-.*(written as "sha512-|expected).*"pagoda plugin update <id>"/)
    }
    await writeFile(file, bytes.slice(0, -1))
    await expect(read(store)).rejects.toMatchObject({ code: "STORE_DAMAGED" })
    await writeFile(file, "")
    await expect(read(store)).rejects.toMatchObject({ code: "STORE_DAMAGED" })
  })
})

test("an entry that another key sealed, or that was put under another name, is refused", async () => {
  const { folder, store } = await makeStore()
  await store.writeTree(integrity, files)
  const other = openStore(folder, new Uint8Array(32).fill(8))
  await expect(other.readTree(integrity)).rejects.toThrow("the key or the store was changed")
  const [file = ""] = await entriesOf(folder)
  const another = toSri("another tarball")
  const name = Buffer.from(another.slice(7), "base64").toString("hex")
  await writeFile(join(folder, "trees", name), await Bun.file(file).bytes())
  await expect(store.readTree(another)).rejects.toMatchObject({ code: "STORE_DAMAGED" })
})

test("writing again mends a damaged entry", async () => {
  const { folder, store } = await makeStore()
  await store.writeTree(integrity, files)
  await flipByte((await entriesOf(folder))[0] as string)
  await store.writeTree(integrity, files)
  expect(await store.readTree(integrity)).toEqual(files)
})

test("what is no SHA-512 SRI names no entry", async () => {
  const { store } = await makeStore()
  await expect(store.readTree("sha512-../../etc/passwd")).rejects.toThrow('wanted "sha512-<base64>"')
})

const writer = join(import.meta.dir, "../support/store-writer.ts")
const spawnWriter = (folder: string, size: number, times: number) =>
  Bun.spawn([process.execPath, writer, folder, integrity, String(size), String(times)], { stdout: "pipe" })

test("two processes that write the same entry at once leave one whole entry", async () => {
  const { folder, store } = await makeStore()
  const writers = [spawnWriter(folder, 1_000_000, 20), spawnWriter(folder, 1_000_000, 20)]
  expect(await Promise.all(writers.map((child) => child.exited))).toEqual([0, 0])
  expect((await store.readTree(integrity))?.get("plugin.ts")?.length).toBe(1_000_000)
  expect(await entriesOf(folder)).toHaveLength(1)
})

test("a process that is killed in the middle of a write leaves nothing half, and its rest is swept", async () => {
  const { folder, store } = await makeStore()
  const child = spawnWriter(folder, 60_000_000, 1000)
  let left: string[] = []
  while (left.length === 0) left = await readdir(join(folder, "tmp")).catch(() => [])
  child.kill("SIGKILL")
  await child.exited
  const found = await store.readTree(integrity)
  expect([undefined, 60_000_000]).toContain(found?.get("plugin.ts")?.length as never)
  const old = new Date(Date.now() - 3_600_000)
  for (const name of await readdir(join(folder, "tmp"))) await utimes(join(folder, "tmp", name), old, old)
  await openStore(folder, key).writeTree(integrity, files)
  expect(await readdir(join(folder, "tmp"))).toEqual([])
  expect(await store.readTree(integrity)).toEqual(files)
})
