import { afterAll, describe, expect, test } from "bun:test"
import { chmod, mkdir, readdir, stat, symlink } from "node:fs/promises"
import { join } from "node:path"
import fc from "fast-check"
import { formatSchema, schemaFile } from "../../scripts/schema.ts"
import { PagodaError } from "../../src/errors.ts"
import {
  formatLockfile,
  type Lockfile,
  parseLockfile,
  readLockfile,
  writeLockfile,
} from "../../src/plugins/lockfile.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"

afterAll(removeFolders)

const sri = `sha512-${"A".repeat(86)}==`
const plain = (plugins: unknown) => JSON.stringify({ lockfileVersion: 1, plugins }, null, 2)

async function refuse(text: string): Promise<PagodaError> {
  try {
    await parseLockfile(text, "p.json")
  } catch (error) {
    if (error instanceof PagodaError && error.code === "LOCKFILE_INVALID") return error
    throw error
  }
  throw new Error("the lockfile was accepted")
}

const full: Lockfile = {
  $schema: "./other.schema.json",
  lockfileVersion: 1,
  plugins: {
    "b-plugin": {
      required: false,
      isolation: "in-process",
      permissions: ["jobs:create", "net:example.com", "jobs:create"],
      dependencies: { "ms@2.1.3": sri, "debug@4.0.0": sri, "ms@2.0.0": sri },
      layout: { "debug/node_modules/ms": "ms@2.0.0", ms: "ms@2.1.3" },
      integrity: sri,
      version: "1.0.0",
      source: "npm:b@1.0.0",
    },
    a_1: { source: "https://h/mod.ts", modules: { "https://h/b.ts": sri, "https://h/a.ts": sri } },
    c: { source: "file:c", isolation: "process", memory_mb: 300, required: true },
  },
}

describe("formatLockfile()", () => {
  test("sorts plugins by id and keeps the field order of the contract", () => {
    const text = formatLockfile(full)
    const { plugins, ...head } = JSON.parse(text)
    expect(Object.keys(plugins)).toEqual(["a_1", "b-plugin", "c"])
    expect(Object.keys(plugins["b-plugin"]).join()).toBe(
      "source,version,integrity,dependencies,layout,permissions,isolation,required",
    )
    expect(Object.keys(plugins["b-plugin"].dependencies)).toEqual(["debug@4.0.0", "ms@2.0.0", "ms@2.1.3"])
    expect(Object.keys(plugins.a_1.modules)).toEqual(["https://h/a.ts", "https://h/b.ts"])
    expect(plugins["b-plugin"].permissions).toEqual(["jobs:create", "net:example.com"])
    expect(head).toEqual({ $schema: "./other.schema.json", lockfileVersion: 1 })
    expect(text).toStartWith('{\n  "$schema"')
    expect(text).toEndWith("\n}\n")
  })

  test("changes nothing the second time", async () => {
    const once = formatLockfile(full)
    expect(formatLockfile(await parseLockfile(once, "p"))).toBe(once)
  })

  test("changes nothing the second time, whatever the lockfile", async () => {
    const id = fc.stringMatching(/^[a-z0-9]{1,5}(?:[-_][a-z0-9]{1,5}){0,2}$/)
    const locked = fc.record(
      {
        source: fc.constantFrom("npm:a@1.0.0", "file:x", "file:ü/ß"),
        version: fc.constantFrom("1.0.0", "2.0.0-beta.1"),
        integrity: fc.constant(sri),
        dependencies: fc.dictionary(fc.constantFrom("a@1.0.0", "@s/b@2.0.0", "c@0.0.1-x"), fc.constant(sri)),
        permissions: fc.array(fc.constantFrom("db", "jobs:create", "env:É")),
        required: fc.boolean(),
      },
      { requiredKeys: ["source"] },
    )
    await fc.assert(
      fc.asyncProperty(fc.dictionary(id, locked), async (plugins) => {
        const once = formatLockfile({ lockfileVersion: 1, plugins })
        expect(formatLockfile(await parseLockfile(once, "p"))).toBe(once)
        expect(formatLockfile(await parseLockfile(JSON.stringify({ lockfileVersion: 1, plugins }), "p"))).toBe(once)
      }),
    )
  })
})

describe("parseLockfile()", () => {
  test("takes what people write by hand: another layout, a byte order mark, Windows line ends", async () => {
    const text = '\uFEFF{"plugins":\r\n{"a":{"source":"file:./x"}},"lockfileVersion":1}\r\n'
    expect((await parseLockfile(text, "p")).plugins.a).toEqual({ source: "file:./x" })
  })

  test("finds no plugin by the name of something that every object has", async () => {
    expect((await parseLockfile(plain({}), "p")).plugins.constructor).toBeUndefined()
    expect((await parseLockfile(plain({ constructor: { source: "file:x" } }), "p")).plugins.constructor).toEqual({
      source: "file:x",
    } as never)
  })

  test("takes isolation process, which only loading refuses", async () => {
    expect(
      (await parseLockfile(plain({ a: { source: "file:x", isolation: "process" } }), "p")).plugins.a?.isolation,
    ).toBe("process")
  })

  test.each([
    ["an empty file", "", "it is empty"],
    ["white space", " \n", "it is empty"],
    ["no JSON", "hello", "1:1 it is no JSON here"],
    ["a list", "[]", '1:1 is a list, wanted an object with "lockfileVersion" and "plugins"'],
    ["null", "null", "1:1 is null"],
    ["half a file", '{"lockfileVersion": 1, "plugins": {', "it is no JSON here"],
    ["a trailing comma", '{"lockfileVersion": 1,\n "plugins": {},\n}', "2:15 JSON has no trailing commas"],
    ["a comment", '// x\n{"lockfileVersion": 1, "plugins": {}}', "1:1 JSON has no comments"],
    [
      "another version",
      '{"lockfileVersion": 2, "plugin": []}',
      '1:21 "lockfileVersion" is 2, and this Pagoda reads only 1',
    ],
    ["an unknown field", '{"lockfileVersion": 1, "plugins": {}, "x": 1}', '1:39 "x" is unknown'],
    [
      "a duplicate id",
      '{"lockfileVersion":1,"plugins":{"a":{"source":"file:x"},\n"a":{"source":"file:y"}}}',
      '2:1 "plugins.a" is there twice',
    ],
    [
      "a duplicate field",
      '{"lockfileVersion":1,"plugins":{"a":{"source":"file:x",\n "source":"file:y"}}}',
      '2:2 "plugins.a.source" is there twice',
    ],
    ["no plugins", '{"lockfileVersion": 1}', '"plugins" is missing, wanted an object of plugins by id'],
    ["endless nesting", `{"plugins": ${"[".repeat(100_000)}`, "nested deeper than 20 levels"],
    ["more than 4 MiB", `{"x": "${"x".repeat(4 * 1024 * 1024)}"}`, "it has 4.0 MiB, wanted at most 4 MiB"],
    [
      "a prototype",
      '{"lockfileVersion":1,"plugins":{"__proto__":{"source":"file:x"}}}',
      '"plugins.__proto__" is no id',
    ],
  ])("refuses %s", async (_, text, wanted) => {
    expect((await refuse(text)).message).toContain(wanted)
  })

  test.each([
    [{ source: 5 }, '"plugins.a.source" is 5, wanted a source'],
    [{}, '"plugins.a.source" is missing'],
    [{ source: "npm:ms@^2" }, '"plugins.a.source" is "npm:ms@^2": "^2" is no exact version'],
    [{ source: "file:x", version: "1" }, '"plugins.a.version" is "1", wanted a version'],
    [{ source: "file:x", integrity: "sha256-x" }, '"plugins.a.integrity" is "sha256-x", wanted an SRI'],
    [{ source: "file:x", dependencies: { ms: sri } }, '"plugins.a.dependencies.ms" is no name@version'],
    [
      { source: "file:x", dependencies: { "ms@1.0.0": "x" } },
      '"plugins.a.dependencies.ms@1.0.0" is "x", wanted an SRI',
    ],
    [{ source: "file:x", layout: { "../x": "ms@1.0.0" } }, '"plugins.a.layout.../x" is no install path'],
    [{ source: "file:x", layout: { ms: "ms@1.0.0" } }, 'is "ms@1.0.0", which is not in "dependencies"'],
    [{ source: "file:x", modules: {} }, '"plugins.a.modules" has a meaning only for URL sources'],
    [{ source: "https://h/a.ts", modules: { "http://h/b.ts": sri } }, "is no module"],
    [{ source: "file:x", permissions: ["a b"] }, '"plugins.a.permissions.0" is "a b", wanted a permission'],
    [{ source: "file:x", permissions: "db" }, '"plugins.a.permissions" is "db", wanted a list'],
    [{ source: "file:x", isolation: "vm" }, '"plugins.a.isolation" is "vm", wanted "in-process" or "process"'],
    [{ source: "file:x", memory_mb: 300 }, '"plugins.a.memory_mb" has a meaning only with "isolation": "process"'],
    [{ source: "file:x", isolation: "process", memory_mb: 0.5 }, '"plugins.a.memory_mb" is 0.5, wanted a whole number'],
    [{ source: "file:x", required: "yes" }, '"plugins.a.required" is "yes", wanted true or false'],
    [{ source: "file:x", permission: [] }, '"plugins.a.permission" is unknown (did you mean "permissions"?)'],
  ])("refuses the plugin %j", async (plugin, wanted) => {
    const error = await refuse(plain({ a: plugin }))
    expect(error.message).toContain(wanted)
    expect(error.issues).toHaveLength(1)
  })

  test.each(["a b", "-a", "a/b", "日本", "A", "a--b", "a-", "a".repeat(101)])("refuses the id %j", async (id) => {
    expect((await refuse(plain({ [id]: { source: "file:x" } }))).message).toContain(
      "is no id, wanted lower-case letters",
    )
  })

  test.each(["a-b", "a_b", "a-b-123", "a".repeat(100)])("takes the id %j", async (id) => {
    expect(Object.keys((await parseLockfile(plain({ [id]: { source: "file:x" } }), "p")).plugins)).toEqual([id])
  })

  test("names every mistake at once, each with line and column, what is there and what was wanted", async () => {
    const error = await refuse(`{
  "lockfileVersion": 1,
  "plugins": {
    "a": { "source": "npm:ms", "soruce": 1 },
    "a": { "source": "file:x", "required": 1, },
    "B": { "source": "file:x", "integrity": null }
  } // the end
}`)
    expect(error.message.split("\n")).toEqual([
      'Cannot read the lockfile "p.json": 6 mistakes',
      '  5:5 "plugins.a" is there twice',
      '  5:44 "plugins.a.required" is 1, wanted true or false',
      "  5:45 JSON has no trailing commas",
      '  6:5 "plugins.B" is no id, wanted lower-case letters and digits, joined by single - or _, at most 100 characters',
      '  6:45 "plugins.B.integrity" is null, wanted an SRI "sha512-<base64>"',
      "  7:5 JSON has no comments",
    ])
    expect(error.issues?.[1]).toEqual({
      path: "plugins.a.required",
      message: "is 1, wanted true or false",
      code: "FIELD_INVALID",
    })
  })

  test("stays quick and short however much is wrong", async () => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`A${at}`, { source: "x" }]))
    const error = await refuse(plain(many))
    expect(error.message.split("\n").length).toBeLessThan(60)
    expect(error.message).toContain("and 950 more")
  })
})

describe("readLockfile()", () => {
  test("takes a missing file for an empty lockfile", async () => {
    const folder = await makeFolder()
    const lockfile = await readLockfile(join(folder, "plugins.lock.json"))
    expect(Object.keys(lockfile.plugins)).toEqual([])
  })

  test("refuses a directory", async () => {
    const folder = await makeFolder()
    await expect(readLockfile(folder)).rejects.toThrow("it is a directory, wanted a file")
  })

  test("refuses 5 MB before it reads them", async () => {
    const folder = await makeFolder({ "p.json": `{"x": "${"x".repeat(5_000_000)}"}` })
    await expect(readLockfile(join(folder, "p.json"))).rejects.toThrow("it has 4.8 MiB, wanted at most 4 MiB")
  })

  test("names the file it cannot read", async () => {
    const folder = await makeFolder({ "p.json": "x" })
    await expect(readLockfile(join(folder, "p.json", "q"))).rejects.toThrow("ENOTDIR")
  })
})

describe("writeLockfile()", () => {
  test("replaces the file as a whole, keeps its mode and leaves nothing beside it", async () => {
    const folder = await makeFolder({ "p.json": plain({}) })
    const file = join(folder, "p.json")
    await chmod(file, 0o640)
    await writeLockfile(file, full)
    expect(await Bun.file(file).text()).toBe(formatLockfile(full))
    expect((await stat(file)).mode & 0o777).toBe(0o640)
    expect(await readdir(folder)).toEqual(["p.json"])
  })

  test("writes through a symbolic link", async () => {
    const folder = await makeFolder({ "real.json": plain({}) })
    await symlink("real.json", join(folder, "p.json"))
    await writeLockfile(join(folder, "p.json"), full)
    expect(await Bun.file(join(folder, "real.json")).text()).toBe(formatLockfile(full))
  })

  test("refuses to write what it could not read again", async () => {
    const file = join(await makeFolder(), "p.json")
    const plugins = { a: { source: "file:x", permissions: ["a b"] } }
    await expect(writeLockfile(file, { lockfileVersion: 1, plugins })).rejects.toThrow(
      '"plugins.a.permissions.0" is "a b"',
    )
    expect(await Bun.file(file).exists()).toBe(false)
  })

  test("leaves the old file where it cannot write", async () => {
    const folder = await makeFolder()
    await mkdir(join(folder, "p.json"))
    await expect(writeLockfile(join(folder, "p.json"), full)).rejects.toThrow()
    expect(await readdir(folder)).toEqual(["p.json"])
  })
})

test("the JSON Schema for editors is the one that the parser uses: run `bun scripts/schema.ts`", async () => {
  expect(await Bun.file(schemaFile).json()).toEqual(JSON.parse(formatSchema()))
})
