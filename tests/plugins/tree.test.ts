import { afterAll, describe, expect, test } from "bun:test"
import { link, mkdir, symlink, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { readFileBounded, readTree, treeIntegrity } from "../../src/plugins/tree.ts"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"

afterAll(removeFolders)

const pipeline = String.raw`find . -type f -not -path '*/.git/*' -not -path '*/node_modules/*' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha512sum | openssl dgst -sha512 -binary | base64 -w0`

async function runPipeline(folder: string): Promise<string> {
  const child = Bun.spawn(["sh", "-c", pipeline], { cwd: folder, stdout: "pipe" })
  return `sha512-${await new Response(child.stdout).text()}`
}

test("treeIntegrity() is what the contract's command line prints, whatever the names", async () => {
  const folder = await makeFolder({
    "plugin.ts": "export default 1\n",
    "a/b": "1",
    "a-b": "2",
    "a.b": "3",
    "a b c": "4",
    "ä/ö.ts": "5",
    "日本.ts": "6",
    "\u{1f600}.ts": "7",
    "\uffee.ts": "8",
    "a'b\"c$(d)": "9",
    "src/deep/er/x.ts": "10",
    empty: "",
    ".hidden/.gitignore": "11",
    ".git/config": "left out",
    "sub/.git/config": "left out",
    "node_modules/x/index.js": "left out",
    "sub/node_modules/y/index.js": "left out",
    node_modules_not: "12",
    ".github/workflow": "13",
  })
  const files = await readTree(folder)
  expect(treeIntegrity(files)).toBe(await runPipeline(folder))
  expect(files.size).toBe(15)
  expect([...files.keys()].slice(-2)).toEqual(["\uffee.ts", "\u{1f600}.ts"])
})

test("a file that is named .git or node_modules is no folder and counts", async () => {
  const folder = await makeFolder({ "a/.git": "gitdir: elsewhere", node_modules: "x" })
  const files = await readTree(folder)
  expect([...files.keys()]).toEqual(["a/.git", "node_modules"])
  expect(treeIntegrity(files)).toBe(await runPipeline(folder))
})

describe("readTree() refuses", () => {
  const refusals: [name: string, make: (folder: string) => Promise<unknown>, message: string][] = [
    ["a symbolic link", (folder) => symlink("/etc/passwd", join(folder, "a")), '"a" is a symbolic link'],
    ["a symbolic link to a folder", (folder) => symlink("/etc", join(folder, "node_modules")), "is a symbolic link"],
    ["a hard link", (folder) => link(join(folder, "plugin.ts"), join(folder, "b")), "is a hard link"],
    ["a newline in a name", (folder) => writeFile(join(folder, "a\nb"), ""), "newline or backslash"],
    ["a carriage return in a name", (folder) => writeFile(join(folder, "a\rb"), ""), "newline or backslash"],
    ["a backslash in a folder's name", (folder) => mkdir(join(folder, "a\\b")), "newline or backslash"],
    ["a pipe", (folder) => Bun.spawn(["mkfifo", join(folder, "p")]).exited, '"p" is a device, socket or pipe'],
    ["a name that is no UTF-8", (folder) => writeFile(Buffer.from(`${folder}/a\xff`, "latin1"), ""), "no UTF-8"],
  ]
  test.each(refusals)("%s", async (_name, make, message) => {
    const folder = await makeFolder({ "plugin.ts": "1" })
    await make(folder)
    await expect(readTree(folder)).rejects.toMatchObject({
      code: "SOURCE_REFUSED",
      message: expect.stringContaining(message),
    })
  })

  test("more than 10 000 files", async () => {
    const folder = await makeFolder()
    await writeFiles(folder, Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`f${index}`, ""])))
    await expect(readTree(folder)).rejects.toMatchObject({
      code: "SOURCE_TOO_LARGE",
      message: expect.stringContaining("more than 10000 files"),
    })
  })

  test("more than 200 MiB, before reading them", async () => {
    const folder = await makeFolder({ a: "", b: "" })
    await truncate(join(folder, "a"), 150 * 1024 * 1024 * 1024)
    await expect(readTree(folder)).rejects.toMatchObject({
      code: "SOURCE_TOO_LARGE",
      message: expect.stringContaining("more than 200 MiB"),
    })
  })
})

test("readFileBounded() refuses a larger file, a folder, and one that is not there", async () => {
  const folder = await makeFolder({ a: "123" })
  expect(readFileBounded(join(folder, "a"), 3)).toEqual(new TextEncoder().encode("123"))
  expect(() => readFileBounded(join(folder, "a"), 2)).toThrow("it has 3 bytes, the limit is 2")
  expect(() => readFileBounded(folder, 2)).toThrow("is no regular file")
  expect(() => readFileBounded(join(folder, "b"), 2)).toThrow("does not exist")
})
