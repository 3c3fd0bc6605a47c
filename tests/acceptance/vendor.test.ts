import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { flipByte, makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { startTestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"
import { pluginCode, type Sources, startSources } from "../support/sources.ts"

let folder: string
let vendor: string
let sources: Sources
const ids = ["from-file", "from-folder", "from-git", "from-git-file", "from-npm", "from-url"]
const answers: Record<string, string> = {}

beforeAll(async () => {
  folder = await makeFolder()
  vendor = join(folder, "vendor")
  sources = await startSources(folder)
  await writeFiles(folder, {
    "one.ts": `/** @pagoda {"id": "from-file"} */\n${pluginCode("from-file", "'one file'")}`,
  })
  const all = { ...sources.plugins, "from-file": { source: "./one.ts", answer: "one file" } }
  for (const [id, { source, answer }] of Object.entries(all)) {
    answers[id] = answer
    const added = await run("plugin", "add", source, "--yes")
    expect([id, added.exitCode, added.exitCode ? added.stderr : ""]).toEqual([id, 0, ""])
  }
  expect(await run("plugin", "vendor")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("has 6 plugins") })
}, 60_000)

afterAll(async () => {
  await sources?.stop()
  await removeFolders()
})

const run = (...args: string[]) => runPagoda(args, { cwd: folder, env: sources.env })

/** Another machine: nothing but the vendor folder, a key of its own, and no server that it could ask. */
async function serveElsewhere(change: (vendor: string) => unknown = () => {}) {
  const cwd = await makeFolder()
  cpSync(vendor, join(cwd, "vendor"), { recursive: true })
  await change(join(cwd, "vendor"))
  const host = await startTestHost({ cwd, env: { HOME: cwd, NPM_CONFIG_REGISTRY: "http://127.0.0.1:9" } }, [
    ...["--vendor", "vendor"],
    ...["--lockfile", "vendor/plugins.lock.json"],
  ])
  try {
    const { results } = (await host.ask("/api/v2/plugins")).body
    const found: Record<string, string> = {}
    for (const { id, state } of results)
      if (state === "active") found[id] = (await host.ask(`/api/v2/plugins/${id}/answer`)).body.answer
    return { found, records: Object.fromEntries(results.map((record: any) => [record.id, record])) }
  } finally {
    await host.stop()
  }
}

/** Every file below the vendor folder, with what would change if it was written again. */
function snapshot(): Record<string, string> {
  const files = readdirSync(vendor, { recursive: true, withFileTypes: true }).filter((found) => found.isFile())
  const paths = files.map((found) => join(found.parentPath, found.name)).sort()
  return Object.fromEntries(paths.map((path) => [path, `${statSync(path).ino} ${statSync(path).mtimeMs}`]))
}

function find(kind: string, name: string): string {
  return readdirSync(join(vendor, kind)).find((found) => found.startsWith(`${name}-`)) as string
}

describe("a vendor folder", () => {
  test("boots every plugin on another machine, with no network and another key", async () => {
    const asked = sources.registry.requests.length + sources.web.requests.length
    expect((await serveElsewhere()).found).toEqual(answers)
    expect(sources.registry.requests.length + sources.web.requests.length).toBe(asked)
  })

  test("has tarballs, trees and modules under names that people can read, and a page that lists them", () => {
    const readme = readFileSync(join(vendor, "README.md"), "utf8")
    for (const id of ids) expect(readme).toContain(`## ${id}`)
    const npm = readdirSync(join(vendor, "npm")).map((name) => name.replace(/-[0-9a-f]{32}\.tgz$/, ""))
    expect(npm.sort()).toEqual(["branch@1.2.0", "from-npm@1.0.0", "leaf@1.0.0", "leaf@2.0.0"])
    expect(readdirSync(join(vendor, "git")).map((name) => name.replace(/-[0-9a-f]{32}$/, ""))).toContain("mine")
    expect(readdirSync(join(vendor, "url"))).toHaveLength(5)
    expect(readFileSync(join(vendor, "plugins.lock.json"))).toEqual(readFileSync(join(folder, "plugins.lock.json")))
  })

  test("a second run changes nothing, and needs no network", async () => {
    const before = snapshot()
    const again = await runPagoda(["plugin", "vendor"], { cwd: folder, env: { PAGODA_OFFLINE: "true" } })
    expect(again).toMatchObject({ exitCode: 0, stderr: "" })
    expect(snapshot()).toEqual(before)
  })

  test("what is damaged is made anew, what was cut short is cleared, what is needed no longer goes", async () => {
    const tree = join("git", find("git", "mine"), "index.ts")
    await flipByte(join(vendor, tree))
    await flipByte(join(vendor, "npm", find("npm", "leaf@1.0.0")))
    rmSync(join(vendor, "url", find("url", "a.ts")))
    await writeFiles(vendor, {
      ".writing-1/half": "",
      [`npm/old@1.0.0-${"0".repeat(32)}.tgz`]: "",
      "npm/kept-by-hand.txt": "mine",
    })
    expect((await run("plugin", "verify", "--vendor", "vendor")).exitCode).toBe(1)
    const { stdout, exitCode } = await run("plugin", "vendor")
    expect(exitCode).toBe(0)
    expect(stdout).toContain("Took out 1 that")
    expect(readdirSync(vendor)).not.toContain(".writing-1")
    expect(readdirSync(join(vendor, "npm"))).toContain("kept-by-hand.txt")
    expect(await run("plugin", "verify", "--vendor", "vendor")).toMatchObject({ exitCode: 0 })
    expect((await serveElsewhere()).found).toEqual(answers)
  })

  test("a folder that is somebody's is left alone", async () => {
    const { stderr, exitCode } = await run("plugin", "vendor", ".")
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("wanted a new or empty folder")])
  })

  test("a source that cannot be had fails the command, and leaves the folder as usable as it was", async () => {
    const copy = join(await makeFolder(), "vendor")
    const { stderr, exitCode } = await runPagoda(["plugin", "vendor", copy], {
      cwd: folder,
      env: { PAGODA_OFFLINE: "true" },
    })
    expect(exitCode).toBe(1)
    expect(stderr).toContain("the network is not allowed")
    expect(readdirSync(copy)).not.toContain("README.md")
  })

  test("serve --vendor of a folder that is not there says which command makes one", async () => {
    const { stderr, exitCode } = await run("serve", "--vendor", "nowhere")
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('"pagoda plugin vendor <dir>" makes one')])
  })
})

const flips: Record<string, [id: string, file: () => string]> = {
  "a plugin's own tarball": ["from-npm", () => join("npm", find("npm", "from-npm@1.0.0"))],
  "the tarball of a package": ["from-npm", () => join("npm", find("npm", "branch@1.2.0"))],
  "a git tree": ["from-git-file", () => join("git", find("git", "mine"), "index.ts")],
  "an entry module": ["from-url", () => join("url", find("url", "mod.ts"))],
  "a further module": ["from-url", () => join("url", find("url", "c.ts"))],
  "a folder": ["from-folder", () => join("file", find("file", "from-folder"), "plugin.ts")],
  "a single file": ["from-file", () => join("file", find("file", "one.ts"))],
}

describe("one byte changed in the vendor folder, in", () => {
  for (const [what, [id, file]] of Object.entries(flips)) {
    test(`${what}: that plugin is refused with both hashes and what mends it, every other serves`, async () => {
      const { found, records } = await serveElsewhere((copy) => flipByte(join(copy, file())))
      const { [id]: _, ...others } = answers
      expect(found).toEqual(others)
      const { state, error } = records[id]
      expect([state, error.code]).toEqual(["failed", "INTEGRITY_MISMATCH"])
      expect(error.message).toContain(`"${id}"`)
      expect(error.message.match(/sha512-[A-Za-z0-9+/=]+/g)).toHaveLength(2)
      expect(error.message).toContain(`pagoda plugin update ${id}`)
      expect(error.message).toContain("pagoda plugin vendor")
    })
  }

  test("something that is missing is named, with the command that makes it", async () => {
    const { records } = await serveElsewhere((copy) => rmSync(join(copy, "npm", find("npm", "branch@1.2.0"))))
    expect(records["from-npm"].error).toMatchObject({
      code: "SOURCE_NOT_FOUND",
      message: expect.stringContaining('Cannot take "branch@1.2.0" from the vendor folder'),
    })
  })
})
