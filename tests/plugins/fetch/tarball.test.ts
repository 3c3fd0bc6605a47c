import { describe, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { unpackTarball } from "../../../src/plugins/fetch/tarball.ts"
import { makePackage, makeTarball, type TarEntry } from "../../support/tarball.ts"

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes)
const file = (name: string, content = "x"): TarEntry => ({ name, content })

test("unpackTarball() gives the regular files without their first folder, in byte order", async () => {
  const files = await unpackTarball(await makePackage({ "b.js": "1", "a/z.js": "2", "a-b.js": "3", "ä.js": "4" }), "x")
  expect([...files.keys()]).toEqual(["a-b.js", "a/z.js", "b.js", "ä.js"])
  expect(text(files.get("a/z.js"))).toBe("2")
})

test("folders, a leading ./, empty files and long names are fine", async () => {
  const long = `${"deep/".repeat(60)}x.js`
  const tarball = await makeTarball([
    { name: "package/", type: "directory" },
    file("./package/./a.js"),
    file("package/empty", ""),
    file(`package/${long}`),
    file("package/node_modules/bundled/index.js"),
  ])
  const files = await unpackTarball(tarball, "x")
  expect([...files.keys()]).toEqual(["a.js", long, "empty", "node_modules/bundled/index.js"])
})

test("a file that is there twice is taken when both are equal", async () => {
  expect((await unpackTarball(await makeTarball([file("p/a"), file("p/a")]), "x")).size).toBe(1)
  await expect(unpackTarball(await makeTarball([file("p/a"), file("p/a", "y")]), "x")).rejects.toThrow("comes twice")
})

describe("unpackTarball() refuses", () => {
  const table: [name: string, entries: TarEntry[], message: string][] = [
    ["../x", [file("../x")], '"../x" leads out of its root'],
    ["a .. in the middle", [file("package/../../x")], "leads out of its root"],
    ["a folder that leads out", [{ name: "package/../../y/", type: "directory" }], "leads out of its root"],
    ["an absolute path", [file("/etc/passwd")], '"/etc/passwd" is an absolute path'],
    ["a symbolic link", [{ name: "package/l", type: "symlink", linkname: "/etc/passwd" }], "is a symbolic link"],
    ["a hard link", [{ name: "package/l", type: "link", linkname: "package/x" }], "is a hard link"],
    ["a character device", [{ name: "package/d", type: "character-device" }], "is a device"],
    ["a block device", [{ name: "package/d", type: "block-device" }], "is a device"],
    ["a pipe", [{ name: "package/p", type: "fifo" }], "is a pipe"],
    ["a newline in a name", [file("package/a\nb")], "newline or backslash"],
    ["a backslash in a name", [file("package\\..\\..\\x"), file("package/..\\x")], "newline or backslash"],
    [
      "a name without end",
      [{ ...file("package/a"), pax: { path: `package/${"a/".repeat(300_000)}x` } }],
      "has 600001 characters, wanted at most 4096",
    ],
    ["a file that is a folder as well", [file("package/a"), file("package/a/b")], "is a file and a folder"],
  ]
  test.each(table)("%s", async (_name, entries, message) => {
    await expect(unpackTarball(await makeTarball(entries), "evil@1.0.0")).rejects.toMatchObject({
      code: "SOURCE_REFUSED",
      message: expect.stringContaining(message),
    })
  })

  test("10 001 files", async () => {
    const entries = Array.from({ length: 10_001 }, (_, index) => file(`package/${index}`))
    await expect(unpackTarball(await makeTarball(entries), "x")).rejects.toMatchObject({
      code: "SOURCE_TOO_LARGE",
      message: expect.stringContaining("more than 10000 files"),
    })
  })

  test("a bomb of one large file, at its header", async () => {
    const bomb = await makeTarball([
      file("package/a", "a"),
      { name: "package/b", content: new Uint8Array(201 * 1024 * 1024) },
    ])
    expect(bomb.length).toBeLessThan(1024 * 1024)
    await expect(unpackTarball(bomb, "x")).rejects.toMatchObject({
      code: "SOURCE_TOO_LARGE",
      message: expect.stringContaining("its files have more than 200 MiB"),
    })
  })

  test("a bomb behind the end of the archive, without holding it", async () => {
    const bomb = gzipSync(new Uint8Array(260 * 1024 * 1024))
    const before = process.memoryUsage().rss
    await expect(unpackTarball(bomb, "x")).rejects.toMatchObject({
      code: "SOURCE_TOO_LARGE",
      message: expect.stringContaining("unpacks to more than 200 MiB"),
    })
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024)
  })

  test("what is no gzip, no tar, or cut short", async () => {
    const whole = await makePackage({ "a.js": "x".repeat(100_000), b: Math.random().toString() })
    for (const bytes of [
      new TextEncoder().encode("<html>not found</html>"),
      new Uint8Array(),
      gzipSync(Buffer.from("no tar at all ".repeat(100))),
      whole.slice(0, whole.length - 20),
      gzipSync(Buffer.from(Bun.gunzipSync(whole as Uint8Array<ArrayBuffer>).slice(0, 2000))),
    ]) {
      await expect(unpackTarball(bytes, "x")).rejects.toMatchObject({
        code: "SOURCE_REFUSED",
        message: expect.stringContaining("no whole gzipped tar archive"),
      })
    }
  })
})
