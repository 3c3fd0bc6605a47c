import { describe, expect, test } from "bun:test"
import * as sdk from "@pagoda/sdk"
import { Type } from "@sinclair/typebox"
import { Elysia } from "elysia"
import { createLog } from "../../src/log.ts"
import { makeBundle } from "../../src/plugins/bundle/bundler.ts"
import { hostModuleNames, installHostModules } from "../../src/plugins/host-modules.ts"
import { forgetBundle, importBundle } from "../../src/plugins/import.ts"
import { toSri } from "../../src/plugins/integrity.ts"
import { makeSource } from "../support/verified.ts"

async function run<T>(code: string, grants: string[] = []): Promise<T> {
  const made = await makeBundle(await makeSource(code), { id: "host-test", grants })
  const bundle = { id: "host-test", digest: toSri(made), code: made }
  try {
    return (await importBundle(bundle)) as T
  } finally {
    forgetBundle(bundle)
  }
}

describe("host modules", () => {
  test.each(hostModuleNames.map((name) => [name]))("%s can be imported", async (name) => {
    expect(await run<number>(`import * as m from "${name}"; export default Object.keys(m).length`)).toBeGreaterThan(0)
  })

  test("are one instance of each", async () => {
    const code =
      'import { Type } from "@sinclair/typebox"; import { definePlugin, PluginError, t } from "@pagoda/sdk"; export default { Type, t, definePlugin, PluginError }'
    const given = await run<Record<string, unknown>>(code)
    expect(given.Type).toBe(Type)
    expect(given.t).toBe(sdk.t)
    expect(given.definePlugin).toBe(sdk.definePlugin)
    expect(given.PluginError).toBe(sdk.PluginError)
  })

  test("can be required", async () => {
    expect(await run<unknown>('const { definePlugin } = require("@pagoda/sdk"); export default definePlugin')).toBe(
      sdk.definePlugin,
    )
  })
})

describe("a plugin's Elysia", () => {
  test("is an instance of the host's, the other way round, and as a subclass", async () => {
    const code =
      'import { Elysia } from "elysia"; class Mine extends Elysia {}; export default { Elysia, app: new Elysia(), mine: new Mine(), Mine }'
    const given = await run<{ Elysia: typeof Elysia; app: unknown; mine: unknown; Mine: typeof Elysia }>(code)
    expect(given.app).toBeInstanceOf(Elysia)
    expect(given.mine).toBeInstanceOf(Elysia)
    expect(given.mine).toBeInstanceOf(given.Mine)
    expect(new Elysia()).toBeInstanceOf(given.Elysia)
  })

  test("serves routes and opens no port", async () => {
    const code = 'import { Elysia } from "elysia"; export default new Elysia().get("/", () => "ok")'
    const app = await run<Elysia>(code)
    expect(await (await app.handle(new Request("http://localhost/"))).text()).toBe("ok")
    expect(() => app.listen(0)).toThrow('Cannot call "listen" of a plugin\'s Elysia')
  })

  const reached: [string, string][] = [
    ["a group", 'new Elysia().group("/x", (own) => reach(own))'],
    ["a guard", "new Elysia().guard({}, (own) => reach(own))"],
    ["an app of its constructor", "reach(new (new Elysia().constructor)())"],
    ["a subclass", "reach(new (class extends Elysia {})())"],
    ["an app whose own was taken away", "const own = new Elysia(); delete own.env; reach(own)"],
  ]
  test.each(reached)("neither opens a port nor reads the environment by %s", async (_, code) => {
    const given = await run<string[]>(`
      import { Elysia, t } from "elysia"
      const said = []
      const reach = (own) => {
        for (const call of [() => own.listen(0), () => own.env(t.Object({ HOME: t.String() }))]) {
          try { call(); said.push("reached") } catch (error) { said.push(error.message) }
        }
        return own
      }
      ${code}
      export default said`)
    expect(given).toEqual([
      expect.stringContaining('Cannot call "listen" of a plugin\'s Elysia'),
      expect.stringContaining('Cannot call "env" of a plugin\'s Elysia'),
    ])
  })

  test("has no env and no file", async () => {
    expect(await run<unknown>('import * as e from "elysia"; export default [e.env, e.file, e.ElysiaFile]')).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe("a plugin's console", () => {
  test("is the host's log, with the plugin's id on every line", async () => {
    const lines: Record<string, unknown>[] = []
    installHostModules(
      createLog({ level: "debug", format: "json", write: (line) => void lines.push(JSON.parse(line)) }),
    )
    const code =
      'console.log("hello %s", "you", { a: 1 }); console.error(new TypeError("no").message); console.group(); console.debug("in"); globalThis.console.warn("w"); export default 1'
    await run(code)
    expect(lines.map(({ level, message, plugin }) => [level, message, plugin])).toEqual([
      ["info", "hello you { a: 1 }", "host-test"],
      ["error", "no", "host-test"],
      ["debug", "  in", "host-test"],
      ["warn", "  w", "host-test"],
    ])
  })
})
