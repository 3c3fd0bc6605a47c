import { afterAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

afterAll(removeFolders)

async function makeHome(plugins: Record<string, unknown>) {
  const cwd = await makeFolder({
    ...below("a", pluginFiles("plugin-a", { version: "1.2.3" })),
    "plugins.lock.json": JSON.stringify({ plugins, lockfileVersion: 1 }),
  })
  return {
    cwd,
    lock: (...args: string[]) => runPagoda(["lock", ...args], { cwd }),
    text: () => Bun.file(join(cwd, "plugins.lock.json")).text(),
  }
}

describe("pagoda lock", () => {
  test("fills in what a hand-edited lockfile lacks; the second time it writes the same bytes", async () => {
    const { cwd, lock, text } = await makeHome({ "plugin-a": { required: true, source: "file:./a" } })
    expect(await lock()).toEqual({
      stdout: "plugin-a: filled in integrity, version, dependencies\nplugins.lock.json is complete: 1 plugin.\n",
      stderr: "",
      exitCode: 0,
    })
    const once = await text()
    expect(JSON.parse(once).plugins).toEqual({
      "plugin-a": {
        source: "file:./a",
        version: "1.2.3",
        integrity: expect.stringMatching(/^sha512-/),
        dependencies: {},
        required: true,
      },
    })
    expect((await lock()).exitCode).toBe(0)
    expect(await text()).toBe(once)
    expect((await runPagoda(["plugin", "verify"], { cwd })).exitCode).toBe(0)
  })

  test("never changes a hash that is there", async () => {
    const integrity = `sha512-${"A".repeat(86)}==`
    const { lock, text } = await makeHome({ "plugin-a": { source: "file:./a", integrity } })
    const { stderr, exitCode } = await lock()
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`lockfile says "${integrity}"; run "pagoda plugin update plugin-a"`)
    expect(JSON.parse(await text()).plugins["plugin-a"]).toEqual({ source: "file:./a", integrity })
  })

  test("completes the others where one cannot be completed", async () => {
    const { lock, text } = await makeHome({ gone: { source: "file:gone" }, "plugin-a": { source: "file:a" } })
    expect((await lock()).exitCode).toBe(1)
    expect(JSON.parse(await text()).plugins["plugin-a"].version).toBe("1.2.3")
  })

  test("refuses a plugin whose manifest says another id", async () => {
    const { lock } = await makeHome({ other: { source: "file:a" } })
    expect(await lock()).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('its manifest says the id "plugin-a"'),
    })
  })

  test("asks before it runs code to learn a version", async () => {
    const { cwd, lock, text } = await makeHome({ solo: { source: "file:solo.ts" } })
    await writeFiles(cwd, { "solo.ts": pluginFiles("solo", { version: "3.0.0" })["plugin.ts"] ?? "" })
    expect(await lock()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("--yes") })
    expect((await lock("--yes")).exitCode).toBe(0)
    expect(JSON.parse(await text()).plugins.solo.version).toBe("3.0.0")
  })
})
