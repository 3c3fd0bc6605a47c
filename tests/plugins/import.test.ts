import { describe, expect, test } from "bun:test"
import { makeBundle } from "../../src/plugins/bundle/bundler.ts"
import { attributePlugin, forgetBundle, importBundle } from "../../src/plugins/import.ts"
import { toSri } from "../../src/plugins/integrity.ts"
import { makeSource, type SourceText } from "../support/verified.ts"

async function bundle(files: SourceText | string, id = "import-test") {
  const code = await makeBundle(await makeSource(files), { id, grants: [] })
  return { id, digest: toSri(code), code }
}

describe("importBundle()", () => {
  test("gives the default export", async () => {
    const made = await bundle("export default { id: 1 }")
    expect(await importBundle(made)).toEqual({ id: 1 })
    forgetBundle(made)
  })

  test("gives the same module until it is forgotten, then runs it anew", async () => {
    const made = await bundle("let n = 0; export default () => ++n")
    const first = (await importBundle(made)) as () => number
    expect([first(), first()]).toEqual([1, 2])
    expect(await importBundle(made)).toBe(first)
    forgetBundle(made)
    const second = (await importBundle(made)) as () => number
    expect(second()).toBe(1)
    forgetBundle(made)
  })

  test("keeps two versions of one plugin apart", async () => {
    const [one, two] = [await bundle("export default 1"), await bundle("export default 2")]
    expect([await importBundle(one), await importBundle(two)]).toEqual([1, 2])
    forgetBundle(one)
    forgetBundle(two)
  })

  test("reports what is thrown while it runs, with the cause and its place in the source", async () => {
    const made = await bundle({
      "plugin.ts": 'import "./a.ts"; export default 1',
      "a.ts": "type X = 1\n\nthrow new TypeError('no')",
    })
    const error = (await importBundle(made).catch((thrown: unknown) => thrown)) as Error & {
      code: string
      cause: Error
    }
    expect(error.code).toBe("IMPORT_FAILED")
    expect(error.message).toBe('Cannot import plugin "import-test": it threw: no')
    expect(error.cause.name).toBe("TypeError")
    expect(error.cause.stack).toContain("import-test/a.ts:3:")
    // a failed module is not kept
    expect(importBundle(made)).rejects.toThrow("it threw: no")
  })

  test("refuses a module without a default export, and says what was wanted", async () => {
    const made = await bundle("export const x = 1")
    expect(importBundle(made)).rejects.toThrow(
      'its entry module has no default export, wanted "export default definePlugin({ … })"',
    )
  })

  test("gives up on a module that never settles", async () => {
    const made = await bundle("await new Promise(() => {}); export default 1")
    const error = await importBundle(made, { patience: 50 }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "IMPORT_TIMEOUT", plugin: "import-test" })
  })
})

describe("a hostile module", () => {
  test.each([
    ["a default export that never settles", "export default new Promise(() => {})"],
    ["a default export that looks like a promise", "export default { then() {} }"],
    ["a module that looks like a promise", "export function then() {}; export default 1"],
  ])("%s does not hold up the host", async (_, code) => {
    const error = await importBundle(await bundle(code), { patience: 50 }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "IMPORT_TIMEOUT" })
  })

  test("that throws what cannot be looked at fails like any other", async () => {
    const made = await bundle("throw new Proxy({}, { get() { throw new Error('no') } }); export default 1")
    const error = await importBundle(made).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "IMPORT_FAILED", plugin: "import-test" })
    const trap = Object.defineProperty(new Error("x"), "stack", { get: () => Object.assign(Object.create(null)) })
    expect(attributePlugin(trap)).toBeUndefined()
  })
})

describe("attributePlugin()", () => {
  test("finds the plugin in the stack of a late error, and of what wraps it", async () => {
    const made = await bundle(
      {
        "plugin.ts": 'export { boom as default } from "./src/a.ts"',
        "src/a.ts": "\nexport async function boom() {\n  await 1\n  throw new Error('late')\n}",
      },
      "my_plugin-2",
    )
    const boom = (await importBundle(made)) as () => Promise<never>
    const error = (await boom().catch((thrown: unknown) => thrown)) as Error
    expect(error.stack).toContain("plugin:my_plugin-2/src/a.ts:4:")
    expect(attributePlugin(error)).toBe("my_plugin-2")
    expect(attributePlugin(new Error("outer", { cause: error }))).toBe("my_plugin-2")
    forgetBundle(made)
  })

  test("blames no one for the host's own errors, whatever their message says", () => {
    expect(attributePlugin(new Error("at plugin:x/y.ts:1:1"))).toBeUndefined()
    expect(attributePlugin("plugin:x/y")).toBeUndefined()
    expect(attributePlugin(undefined)).toBeUndefined()
  })
})
