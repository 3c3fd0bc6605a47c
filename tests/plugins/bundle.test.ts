import { afterAll, describe, expect, test } from "bun:test"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { makeBundle } from "../../src/plugins/bundle/bundler.ts"
import { type Bundle, bundlePlugin, toBundleKey } from "../../src/plugins/bundle.ts"
import { forgetBundle, importBundle } from "../../src/plugins/import.ts"
import { toSri } from "../../src/plugins/integrity.ts"
import { openStore } from "../../src/plugins/store.ts"
import type { VerifiedSource } from "../../src/plugins/verify.ts"
import { flipByte, makeFolder, removeFolders } from "../support/folder.ts"
import { makeSource, type SourceText } from "../support/verified.ts"

afterAll(removeFolders)

const options = { id: "bundle-test", grants: [] }

async function run(source: VerifiedSource): Promise<unknown> {
  const code = await makeBundle(source, options)
  const bundle: Bundle = { id: options.id, digest: toSri(code), code }
  try {
    return await importBundle(bundle)
  } finally {
    forgetBundle(bundle)
  }
}

async function refusal(files: SourceText | string, packages: Record<string, SourceText> = {}): Promise<string> {
  const error = await makeBundle(await makeSource(files, packages), options).then(
    () => new Error("it passed"),
    (thrown: Error) => thrown,
  )
  return `${"code" in error ? error.code : error.name} ${error.message}`
}

test.each([
  ["deep brackets", `export default ${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ["a long sum", `const a = Math.random(); export default ${Array(100_000).fill("a").join("+")}`],
])("code that is nested too deep is the plugin's failure, not ours: %s", async (_, code) => {
  expect(await refusal(code)).toMatch(/^BUNDLE_FAILED Cannot bundle plugin "bundle-test": .*Maximum call stack size/)
})

describe("bundlePlugin()", () => {
  test("keeps the bundle and takes the kept one the next time", async () => {
    const folder = await makeFolder()
    const source = await makeSource("export default 1")
    const first = await bundlePlugin(source, options, openStore(folder, new Uint8Array(32)))
    const second = await bundlePlugin(source, options, openStore(folder, new Uint8Array(32)))
    expect(second).toEqual(first)
    expect(first.digest).toBe(toSri(first.code))
  })

  test("refuses a kept bundle of which one byte was changed, with expected and actual hash", async () => {
    const folder = await makeFolder()
    const store = openStore(folder, new Uint8Array(32))
    const source = await makeSource("export default 1")
    const { digest } = await bundlePlugin(source, options, store)
    const [file] = await readdir(join(folder, "bundles"))
    await flipByte(join(folder, "bundles", file as string))
    const work = bundlePlugin(source, options, store)
    expect(work).rejects.toMatchObject({ code: "STORE_DAMAGED" })
    expect(work).rejects.toThrow(digest)
  })

  test("makes another one when anything that it is made from changes", async () => {
    const source = await makeSource("export default 1", { "a@1.0.0": { "index.js": "1" } })
    const key = toBundleKey(source, options)
    expect(toBundleKey({ ...source }, { ...options })).toBe(key)
    const others: [VerifiedSource, typeof options | { id: string; grants: string[] }][] = [
      [{ ...source, integrity: toSri("x") }, options],
      [{ ...source, entry: "x.ts" }, options],
      [{ ...source, packages: new Map() }, options],
      [{ ...source, layout: { "b/node_modules/a": "a@1.0.0" } }, options],
      [{ ...source, modules: new Map([["https://example.com/x.ts", toSri("x")]]) }, options],
      [source, { id: "other", grants: [] }],
      [source, { ...options, grants: ["import:node:fs"] }],
    ]
    const keys = others.map(([changed, given]) => toBundleKey(changed, given))
    expect(new Set([key, ...keys]).size).toBe(others.length + 1)
    expect(toBundleKey(source, { ...options, grants: ["jobs:create"] })).toBe(key)
  })
})

describe("makeBundle()", () => {
  test("gives the same bytes in any working folder", async () => {
    const script = `
      import { makeBundle } from ${JSON.stringify(join(import.meta.dir, "../../src/plugins/bundle/bundler.ts"))}
      import { makeSource } from ${JSON.stringify(join(import.meta.dir, "../support/verified.ts"))}
      const files = { "plugin.ts": 'import a from "./src/a.ts"; import ms from "ms"; export default [a, ms]', "src/a.ts": "export default 1" }
      console.log(await makeBundle(await makeSource(files, ["ms"]), { id: "same", grants: [] }))`
    const outputs = await Promise.all(
      ["a", "b/c"].map(async (below) => {
        const folder = await makeFolder({ [`${below}/script.ts`]: script })
        const child = Bun.spawn([process.execPath, "script.ts"], { cwd: join(folder, below), stdout: "pipe" })
        return new Response(child.stdout).text()
      }),
    )
    expect(outputs[0]).toContain("// @bun")
    expect(outputs[1]).toBe(outputs[0] as string)
    expect(outputs[0]).not.toContain("pagoda-test")
  })

  test("takes TypeScript as it is, and .js that means .ts", async () => {
    const files = {
      "plugin.ts": 'import { A, B } from "./lib/index.js"; export default [A.X, new B(3).n]',
      "lib/index.ts": "export enum A { X = 2 }\nexport class B { constructor(readonly n: number) {} }",
    }
    expect(await run(await makeSource(files))).toEqual([2, 3])
  })

  test("finds packages by exports, imports, main, nested place and CommonJS", async () => {
    const source = await makeSource(
      'import a from "a"; import sub from "a/sub"; import { b } from "@x/b"; import c from "c"; export default [a, sub, b, c]',
      {
        "a@1.0.0": {
          "package.json":
            '{"exports": {".": {"node": "./node.js", "default": "./no.js"}, "./sub": {"import": "./sub.mjs"}}, "imports": {"#in": "./in.js"}}',
          "node.js": 'export { default } from "#in"',
          "in.js": "export default 1",
          "sub.mjs": "export default 2",
        },
        "@x/b@1.0.0": {
          "package.json": '{"main": "lib/main"}',
          "lib/main.js": "exports.b = require('./three').three",
          "lib/three.js": "exports.three = 3",
        },
        "c@1.0.0": { "index.js": 'module.exports = require("d")' },
        "d@2.0.0": { "index.js": "module.exports = 4" },
        "d@1.0.0": { "index.js": "module.exports = 'the wrong one'" },
      },
    )
    const layout = { d: "d@1.0.0", "c/node_modules/d": "d@2.0.0" }
    expect(await run({ ...source, layout })).toEqual([1, 2, 3, 4])
  })

  test("takes the browser build of a package whose other one needs a builtin", async () => {
    const packages = {
      "a@1.0.0": {
        "package.json": '{"exports": {"browser": "./web.js", "default": "./node.js"}}',
        "node.js": 'import fs from "fs"; export default fs',
        "web.js": "export default 'a'",
      },
      "b@1.0.0": {
        "package.json": '{"main": "index.js", "browser": {"./lib.js": "./web.js", "fs": false}}',
        "index.js": "module.exports = [require('./lib.js'), typeof require('fs')]",
        "lib.js": "module.exports = require('crypto')",
        "web.js": "module.exports = 'b'",
      },
      "c@1.0.0": {
        "package.json": '{"exports": {"browser": "./web.js", "default": "./node.js"}}',
        "node.js": "export default 'c'",
        "web.js": "export default 'not needed'",
      },
    }
    const code = 'import a from "a"; import b from "b"; import c from "c"; export default [a, b, c]'
    expect(await run(await makeSource(code, packages))).toEqual(["a", ["b", "object"], "c"])
  })

  test("reports what the server build needs when the browser build does not pass either", async () => {
    const packages = {
      "a@1.0.0": {
        "package.json": '{"main": "node.js", "browser": "web.js"}',
        "node.js": "module.exports = require('tty')",
        "web.js": "module.exports = localStorage",
      },
    }
    const message = await refusal('import a from "a"; export default a', packages)
    expect(message).toEndWith(
      '"node_modules/a/node.js:1:18" imports "node:tty": needs the permission "import:node:tty"',
    )
  })

  test("takes a package instead of a builtin of its name that is not granted", async () => {
    const packages = { "events@3.0.0": { "index.js": "module.exports = 'the package'" } }
    expect(await run(await makeSource('import e from "events"; export default e', packages))).toBe("the package")
    expect(await refusal('import e from "node:events"; export default e', packages)).toContain(
      'needs the permission "import:node:events"',
    )
  })

  test("lets an optional require fail where it runs", async () => {
    const code = 'let x = 1; try { x = require("not-there") } catch (error) { x = error.message }; export default x'
    expect(await run(await makeSource(code))).toBe('Cannot find "not-there" in the plugin or its packages')
  })

  test("says file, line and column of what cannot be bundled, all at once", async () => {
    expect(await refusal("export default {\n  a: 1 2\n}")).toStartWith(
      'BUNDLE_FAILED Cannot bundle plugin "bundle-test": "plugin.ts:2:8" Expected',
    )
    const message = await refusal({
      "plugin.ts": 'import a from "left-pad"\nimport b from "./b.ts"\nimport "./c.ts"\nexport default [a, b]',
      "c.ts": 'import "elysia/ws"',
    })
    expect(message).toContain('"plugin.ts:1:1" imports "left-pad": there is no such package')
    expect(message).toContain('"plugin.ts:2:1" imports "./b.ts": there is no such file in the plugin')
    expect(message).toContain('"c.ts:1:1" imports "elysia/ws": the host gives of this package only "elysia"')
  })

  test.each([
    ["../outside.ts", { "src/plugin.ts": 'import "../../outside.ts"', "outside.ts": "" }],
    ["an absolute path", { "src/plugin.ts": 'import "/etc/hostname"' }],
    ["an absolute path within the tree", { "src/plugin.ts": 'import "/outside.ts"', "outside.ts": "" }],
    ["a file URL", { "src/plugin.ts": 'import "file:///etc/hostname"' }],
    ["a URL", { "src/plugin.ts": 'import "https://example.com/x.ts"' }],
    ["the host's own", { "src/plugin.ts": 'import "host:pagoda/scope"' }],
    ["a package that only the host has", { "src/plugin.ts": 'import "semver"' }],
  ])("nothing leads out of the plugin: %s", async (_, files) => {
    expect(await refusal(files as unknown as SourceText)).toStartWith(
      'BUNDLE_FAILED Cannot bundle plugin "bundle-test": "src/plugin.ts:1:1" imports',
    )
  })

  test("keeps text, names and file names beyond ASCII, and their places", async () => {
    const files = {
      "plugin.ts":
        'import rest from "./a#ä?.ts"\nconst größe = `日本😀`; export default { größe, re: /^ä$/u.test("ä"), raw: String.raw`ü\\n`, ...rest }',
      "a#ä?.ts": 'const x = "äääää"; export default { boom: () => { const y = "ü"; throw new Error(x + y) } }',
    }
    const given = (await run(await makeSource(files))) as Record<string, unknown> & { boom(): never }
    expect(given).toMatchObject({ größe: "日本😀", re: true, raw: "ü\\n" })
    expect(given.boom).toThrow("äääääü")
    const stack = (() => {
      try {
        return given.boom()
      } catch (error) {
        return (error as Error).stack
      }
    })()
    expect(stack).toContain("bundle-test/a#ä?.ts:1:76")
  })

  test("has no part of the sources that only types ask for", async () => {
    const code =
      'import { type Context } from "elysia"\nimport type { X } from "./nope.ts"\nexport default (x: Context): X => x as never'
    expect(await makeBundle(await makeSource(code), options)).not.toContain("elysia")
  })
})
