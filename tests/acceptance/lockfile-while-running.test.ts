import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { startTestHost, type TestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

let folder: string
let file: string
let good: string
let host: TestHost

beforeAll(async () => {
  folder = await makeFolder()
  file = join(folder, "plugins.lock.json")
  await writeFiles(folder, below("steady", pluginFiles("steady")))
  expect(await runPagoda(["plugin", "add", "./steady", "--yes"], { cwd: folder })).toMatchObject({ exitCode: 0 })
  good = await Bun.file(file).text()
  host = await startTestHost({ cwd: folder })
}, 60_000)

afterAll(async () => {
  await host?.stop()
  await removeFolders()
})

/** What it wrote on stderr after this, once it says that it read the lockfile, or why it could not. */
async function reload(): Promise<string> {
  const before = host.stderr().length
  host.process.kill("SIGHUP")
  const end = performance.now() + 15_000
  for (;;) {
    const log = host.stderr().slice(before)
    if (/What runs stays as it is|read the lockfile again/.test(log)) return log
    if (performance.now() > end) throw new Error(`nothing was said after SIGHUP:\n${log}`)
    await Bun.sleep(10)
  }
}

const hostile: [what: string, make: () => unknown, said: string[]][] = [
  ["is empty", () => writeFileSync(file, ""), ["it is empty"]],
  ["is a directory", () => mkdirSync(file), ["it is a directory, wanted a file"]],
  ["is a pipe", () => Bun.spawnSync(["mkfifo", file]), ["it is a device, wanted a file"]],
  ["is no JSON", () => writeFileSync(file, "plugins:\n  steady: yes\n"), ["1:1", "it is no JSON"]],
  ["is cut short", () => writeFileSync(file, good.slice(0, 100)), ["it is no JSON here"]],
  [
    "has an id twice",
    () => writeFileSync(file, good.replace('"plugins": {', '"plugins": {\n "steady": {"source": "file:other"},')),
    ["6:5", "plugins.steady", "is there twice"],
  ],
  [
    "has an unknown field",
    () => writeFileSync(file, good.replace('"source"', '"registry": "https://evil.example",\n      "source"')),
    ["6:7", "plugins.steady.registry", "is unknown"],
  ],
  [
    "names a range and a broken hash",
    () =>
      writeFileSync(
        file,
        JSON.stringify({ lockfileVersion: 1, plugins: { a: { source: "npm:a@^1", integrity: "sha512-x" } } }),
      ),
    ["2 mistakes", "plugins.a.source", "plugins.a.integrity"],
  ],
  [
    "is of another release",
    () => writeFileSync(file, '{"lockfileVersion": 2, "plugins": {}}'),
    ["is 2, and this Pagoda reads only 1"],
  ],
  ["has 5 MB", () => writeFileSync(file, `${good}${" ".repeat(5_000_000)}`), ["wanted at most 4 MiB"]],
  ["is nested without end", () => writeFileSync(file, "[".repeat(100_000)), ["nested deeper than"]],
]

describe("a lockfile that", () => {
  for (const [what, make, said] of hostile) {
    test(`${what} while the host runs: the old set stays, and the log says why`, async () => {
      rmSync(file, { recursive: true })
      make()
      const log = await reload()
      expect(log).toContain("What runs stays as it is")
      expect(log).toContain(JSON.stringify(file).slice(1, -1))
      for (const part of said) expect(log).toContain(JSON.stringify(part).slice(1, -1))
      expect(await host.ask("/api/v2/plugins/steady/version")).toMatchObject({ status: 200, body: "1.0.0" })
      expect((await host.ask("/api/v2/plugins/steady")).body.state).toBe("active")
    })

    test(`${what} stops the start`, async () => {
      const { exitCode, stdout, stderr } = await runPagoda(["serve", "--port", "0", "--data-dir", "elsewhere"], {
        cwd: folder,
      })
      expect([exitCode, stdout]).toEqual([1, ""])
      expect(stderr.trim()).toContain(`Cannot read the lockfile "${file}"`)
      for (const part of said) expect(stderr).toContain(part)
    })
  }

  test("is mended is read again, and one that is gone is an empty one", async () => {
    rmSync(file, { recursive: true })
    writeFileSync(file, good)
    expect(await reload()).toContain("read the lockfile again")
    expect(await host.ask("/api/v2/plugins/steady/version")).toMatchObject({ status: 200, body: "1.0.0" })
    rmSync(file)
    expect(await reload()).toContain("read the lockfile again")
    expect((await host.ask("/api/v2/plugins/steady/version")).status).toBe(404)
    expect((await host.ask("/api/v2/plugins")).body.count).toBe(0)
  })
})
