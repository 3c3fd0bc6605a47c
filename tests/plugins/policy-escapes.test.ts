import { describe, expect, test } from "bun:test"
import { PagodaError } from "../../src/errors.ts"
import { makeBundle } from "../../src/plugins/bundle/bundler.ts"
import { forgetBundle, importBundle } from "../../src/plugins/import.ts"
import { makeSource } from "../support/verified.ts"

// The README's paragraph about what in-process isolation stops is what is seen here.

/** What the module exports, or why it was refused before or while it ran. */
async function run(code: string): Promise<unknown> {
  try {
    const bundled = await makeBundle(await makeSource({ "plugin.ts": code }), { id: "escapes", grants: [] })
    const bundle = { id: "escapes", digest: Bun.hash(bundled).toString(36), code: bundled }
    try {
      return await importBundle(bundle)
    } finally {
      forgetBundle(bundle)
    }
  } catch (error) {
    if (error instanceof PagodaError) return `${error.code} ${error.message}`
    throw error
  }
}

describe("is refused before anything runs:", () => {
  test.each([
    ["computed import()", 'const name = ["node", "fs"].join(":"); export default await import(name)'],
    ["import() of a template", "const f = 'f'; export default await import(`node:${" + "f}s`)"],
    ["import() of what a function gives", 'export default await ((name) => import(name))("node:fs")'],
    [
      "import() of a blob: URL",
      'const url = URL.createObjectURL(new Blob(["export default process"])); export default await import(url)',
    ],
    ["require", 'export default require("node:fs")'],
    ["require by another name", 'const load = require; export default load("node:fs")'],
    ["require in brackets", 'export default (0, require)("node:fs")'],
    ["module.require", 'export default module.require("node:fs")'],
    ["require.main", "export default require.main.require"],
    ["createRequire", 'import { createRequire } from "node:module"; export default createRequire("file:///")("fs")'],
    ["Module._load", 'import Module from "module"; export default Module._load("fs")'],
    ["process", "export default process.env"],
    ["process.binding", 'export default process.binding("fs")'],
    ["process.getBuiltinModule", 'export default process.getBuiltinModule("fs")'],
    ["process.mainModule", 'export default process.mainModule.require("fs")'],
    ["process in an optional chain", "export default process?.env"],
    ["process in a shorthand", "export default { process }"],
    ["process in a default", "export default ((p = process) => p)()"],
    ["process in a class field", "class A { p = process }; export default new A().p"],
    ["process written with escapes", "export default \\u{70}rocess.env"],
    ["Bun.file", 'export default Bun.file("/etc/passwd")'],
    ["Bun.spawn", 'export default Bun.spawn(["id"])'],
    ["Bun.$", "export default Bun.$`id`"],
    ["bun:ffi", 'import { dlopen } from "bun:ffi"; export default dlopen'],
    ["bun:jsc", 'import * as jsc from "bun:jsc"; export default jsc'],
    ["the module bun", 'import { file } from "bun"; export default file'],
    ["new Function", 'export default new Function("return process")()'],
    ["eval", 'export default eval("process")'],
    ["indirect eval", 'export default (0, eval)("process")'],
    ["eval in an optional call", 'export default eval?.("process")'],
    ["import.meta.require", 'export default import.meta.require("fs")'],
    ["Worker", 'export default new Worker("data:text/javascript,1")'],
    ["fetch", 'export default fetch("file:///etc/passwd")'],
    ["XMLHttpRequest", "export default new XMLHttpRequest()"],
    [
      "a host module by its inner name",
      'import { enterPlugin } from "host:pagoda/scope"; export default enterPlugin("x", ["process"])',
    ],
    ["a file of the host", 'export * from "../../src/config.ts"; export default 1'],
    ["Elysia's file", 'import { file } from "elysia"; export default file("/etc/passwd")'],
    ["another global put in place", "Promise = 1; export default 1"],
  ])("%s", async (_, code) => {
    expect(await run(code)).toMatch(/^(?:IMPORT_FORBIDDEN|BUNDLE_FAILED|SOURCE_REFUSED) /)
  })
})

test.each([
  ["a data: URL", "data:text/javascript,export default process"],
  ["a file", "/etc/passwd"],
  ["a file URL", "file:///etc/passwd"],
  ["an address", "https://example.com/x.js"],
])("import() of %s finds nothing when it runs", async (_, name) => {
  expect(await run(`export default await import(${JSON.stringify(name)})`)).toMatch(
    /^(?:IMPORT_FAILED .*Cannot find|IMPORT_FORBIDDEN|BUNDLE_FAILED) /,
  )
})

describe("finds nothing:", () => {
  test.each([
    [
      "process by name of globalThis",
      'export default [globalThis["pro" + "cess"], self["Bun"], global["fet" + "ch"]]',
      [undefined, undefined, undefined],
    ],
    [
      "the keys of globalThis",
      'export default Reflect.ownKeys(globalThis).filter((name) => ["process", "Bun", "fetch", "require"].includes(String(name)))',
      [],
    ],
    ["this of a sloppy function", "export default (function () { return this })()", undefined],
    ["this at the top", "export default this", null],
    ["the prototype of globalThis", "export default Object.getPrototypeOf(globalThis) === Object.prototype", true],
    ["Function by its name", 'export default Function("return this")() === globalThis', true],
    [
      "a port, by an app that Elysia makes",
      'import { Elysia } from "elysia"; let said; try { new Elysia().group("/x", (own) => own.listen(0)) } catch (error) { said = error.message.slice(0, 20) } export default said',
      'Cannot call "listen"',
    ],
    [
      "the environment, by an app",
      'import { Elysia, t } from "elysia"; let said; try { new Elysia().env(t.Object({ HOME: t.String() })) } catch (error) { said = error.message.slice(0, 17) } export default said',
      'Cannot call "env"',
    ],
    [
      "a file, by the SQLite of the testing module",
      `import { definePlugin } from "@pagoda/sdk"; import { testPlugin } from "@pagoda/sdk/testing"
       const migrations = [{ name: "1", up: "attach '/tmp/escaped.sqlite' as other; create table other.t (id)" }]
       const own = definePlugin({ id: "own", name: "Own", version: "1.0.0", permissions: ["db"], migrations })
       export default await testPlugin(own).then(() => "opened", ({ code }) => code)`,
      "QUERY_REFUSED",
    ],
    [
      "Reflect.construct of Function",
      'try { Reflect.construct(Function, ["return process"]); } catch (error) { globalThis.said = error.name } export default globalThis.said',
      "PluginSecurityError",
    ],
  ])("%s", async (_, code, found) => {
    expect(await run(code)).toEqual(found as never)
  })
})

describe('gets around the policy, which only isolation "process" can stop:', () => {
  test.each([
    ["the constructor of a function", 'export default (() => {}).constructor("return typeof process.env")()', "object"],
    [
      "the constructor of an async function",
      'export default await (async () => {}).constructor("return typeof process.env")()',
      "object",
    ],
    [
      "the constructor of a generator",
      'export default [...(function* () {}).constructor("yield typeof Bun.file")()][0]',
      "function",
    ],
    [
      "the prototype's constructor",
      'export default Function.prototype.constructor("return typeof Bun.spawn")()',
      "function",
    ],
    [
      "import() in code made that way",
      "export default typeof (await (async () => {}).constructor(\"return import('node:fs')\")()).readFileSync",
      "function",
    ],
    [
      "a registry that all share",
      'import { FormatRegistry } from "@sinclair/typebox"; FormatRegistry.Set("escapes", () => true); export default FormatRegistry.Has("escapes")',
      true,
    ],
    [
      "a patched prototype of a built-in",
      "const { get } = Headers.prototype; Headers.prototype.get = get; export default Headers.prototype.get === get",
      true,
    ],
  ])("%s", async (_, code, found) => {
    expect(await run(code)).toEqual(found as never)
  })
})
