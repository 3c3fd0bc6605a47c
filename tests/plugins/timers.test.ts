import { describe, expect, test } from "bun:test"
import { makeBundle } from "../../src/plugins/bundle/bundler.ts"
import { forgetBundle, importBundle, stopTimers } from "../../src/plugins/import.ts"
import { toSri } from "../../src/plugins/integrity.ts"
import { makeSource } from "../support/verified.ts"

async function load<T>(text: string) {
  const code = await makeBundle(await makeSource(text), { id: "timers-test", grants: [] })
  const bundle = { id: "timers-test", digest: toSri(code), code }
  return { bundle, exported: (await importBundle(bundle)) as T }
}

describe("the timers of a plugin", () => {
  test("that it left open are stopped and told, those that fired or were cleared are not", async () => {
    const { bundle, exported } = await load<{ fired: Promise<string> }>(`
      setInterval(() => {}, 1000)
      globalThis.setInterval(() => {}, 1000)
      setTimeout(() => {}, 1e6)
      clearTimeout(setTimeout(() => {}, 1e6))
      clearInterval(+setInterval(() => {}, 1e6))
      export default { fired: new Promise((done) => setTimeout(done, 1, "fired")) }`)
    expect(await exported.fired).toBe("fired")
    expect(stopTimers(bundle)).toEqual(["2 intervals", "1 timer"])
    expect(stopTimers(bundle)).toEqual([])
    forgetBundle(bundle)
  })

  test("of one version are not those of the next, and one that has left sets none", async () => {
    const text = "export default () => setInterval(() => {}, 1000)"
    const [one, two] = [await load<() => unknown>(text), await load<() => unknown>(text)]
    one.exported()
    two.exported()
    expect(stopTimers(one.bundle)).toEqual(["1 interval"])
    expect(one.exported).toThrow('plugin "timers-test" has left')
    two.exported()
    expect(stopTimers(two.bundle)).toEqual(["2 intervals"])
    forgetBundle(one.bundle)
    forgetBundle(two.bundle)
  })

  test("are as the real ones: their values, their handles, their mistakes", async () => {
    const { bundle, exported } = await load<Record<string, unknown>>(`
      let mistake = "none"
      try { setTimeout("no function", 1) } catch (error) { mistake = error.name }
      const handle = setTimeout(() => {}, 1e6)
      export default { mistake, hasRef: handle.unref().hasRef(), now: await new Promise((done) => setImmediate(done, 1)) }`)
    expect(exported).toEqual({ mistake: "TypeError", hasRef: false, now: 1 })
    forgetBundle(bundle)
  })
})
