import { afterAll, beforeAll, expect, test } from "bun:test"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { startGitServer } from "../support/git-server.ts"
import { runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"
import { type Registry, startRegistry } from "../support/registry.ts"
import { makeRepository } from "../support/repository.ts"
import { pluginCode } from "../support/sources.ts"
import { startWeb } from "../support/web.ts"

let registry: Registry
const git = startGitServer()
const web = startWeb()
const lines = (text: string) => text.split("\n")

beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(async () => {
  await Promise.all([registry.stop(), git.stop(), web.stop()])
  await removeFolders()
})

async function makeHome(files: Record<string, string> = {}) {
  const cwd = await makeFolder({ ".npmrc": `registry=${registry.url}/\n`, ...files })
  const run = (...args: string[]) => runPagoda(args, { cwd })
  return {
    cwd,
    run,
    text: () => Bun.file(join(cwd, "plugins.lock.json")).text(),
    report: async (...args: string[]) => JSON.parse((await run("plugin", "update", "--json", "--yes", ...args)).stdout),
    outdated: async () => JSON.parse((await run("plugin", "outdated", "--json")).stdout),
  }
}

async function publish(name: string, version: string, files: Record<string, string>, dependencies = {}) {
  const { "package.json": about = "", ...rest } = pluginFiles(name, { version })
  await registry.publish({ ...JSON.parse(about), name, dependencies }, { ...rest, ...files })
}

async function readPermissions(cwd: string, id = "greeter"): Promise<string[]> {
  return (await Bun.file(join(cwd, "plugins.lock.json")).json()).plugins[id].permissions
}

test("update of an npm plugin names every file and package that differs", async () => {
  await registry.publish({ name: "dep", version: "1.0.0" })
  await publish("npm-one", "1.0.0", { "a.txt": "a", "b.txt": "b" }, { dep: "*" })
  const { run, outdated } = await makeHome()
  await run("plugin", "add", "npm:npm-one", "--yes")
  expect(await outdated()).toMatchObject([{ id: "npm-one", locked: "1.0.0", latest: "1.0.0", state: "current" }])

  await registry.publish({ name: "dep", version: "2.0.0" })
  await publish("npm-one", "1.1.0", { "b.txt": "bb", "c.txt": "ccc" }, { dep: "*" })
  expect(await outdated()).toMatchObject([{ locked: "1.0.0", latest: "1.1.0", state: "outdated" }])
  expect((await run("plugin", "outdated")).stdout).toContain("✗ npm-one: 1.0.0 → 1.1.0")
  const { stdout, exitCode } = await run("plugin", "update")
  expect(exitCode).toBe(0)
  expect(lines(stdout)).toContain("  version    1.0.0 → 1.1.0")
  expect(lines(stdout)).toContain("  changed    5 files (1 removed, 3 changed, 1 added)")
  for (const line of ["- a.txt (1 bytes)", "~ b.txt (1 → 2 bytes)", "+ c.txt (3 bytes)"])
    expect(lines(stdout)).toContain(`    ${line}`)
  expect(stdout).toContain("    - package dep@1.0.0\n    + package dep@2.0.0\n")
})

test("update of a folder compares with what was added; --json lists all files, the text the first 50", async () => {
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`greeter/f${at}.txt`, "x"]))
  const { cwd, run, report, outdated } = await makeHome(below("greeter", pluginFiles("greeter")))
  await run("plugin", "add", "./greeter", "--yes")
  await writeFiles(cwd, many)
  expect(await outdated()).toMatchObject([{ id: "greeter", state: "outdated" }])
  const { stdout } = await run("plugin", "update")
  expect(lines(stdout).filter((line) => line.startsWith("    + "))).toHaveLength(50)
  expect(stdout).toContain('and 10 more files: "--json" lists all')

  await rm(join(cwd, "greeter/f0.txt"))
  await writeFiles(cwd, below("greeter", { "f1.txt": "yy" }))
  const [one] = await report()
  expect(one).toMatchObject({ id: "greeter", result: "updated", from: { version: "1.0.0" }, to: { version: "1.0.0" } })
  expect(one.files).toEqual([
    { path: "f0.txt", change: "removed", from_bytes: 1, to_bytes: null },
    { path: "f1.txt", change: "changed", from_bytes: 1, to_bytes: 2 },
  ])
  expect(await report()).toMatchObject([{ result: "current" }])
})

test("what cannot be compared is said to be so", async () => {
  const { cwd, run, report } = await makeHome(below("greeter", pluginFiles("greeter")))
  await run("plugin", "add", "./greeter", "--yes")
  await rm(join(cwd, ".pagoda"), { recursive: true })
  await writeFiles(cwd, { "greeter/new.txt": "" })
  expect((await run("plugin", "update")).stdout).toContain("changed    the old files are not on this machine")
  await rm(join(cwd, ".pagoda"), { recursive: true })
  await writeFiles(cwd, { "greeter/new.txt": "again" })
  expect(await report()).toMatchObject([{ result: "updated", files: null }])
})

test("newly asked permissions stop an update without --yes, and --grant is a yes to the ones it names", async () => {
  const { cwd, run, text, report } = await makeHome(below("greeter", pluginFiles("greeter")))
  await run("plugin", "add", "./greeter", "--yes")
  const before = await text()
  await writeFiles(cwd, below("greeter", pluginFiles("greeter", { version: "2.0.0", permissions: ["db", "system"] })))
  for (const args of [[], ["--grant", "db"], ["--json"]]) {
    const { stderr, exitCode } = await run("plugin", "update", ...args)
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("system")])
    expect(await text()).toBe(before)
  }
  expect((await run("plugin", "update", "--grant", "db,system")).exitCode).toBe(0)
  await writeFiles(cwd, below("greeter", pluginFiles("greeter", { version: "3.0.0", permissions: ["users:read"] })))
  expect(await report()).toMatchObject([
    { permissions: { granted: ["db", "system", "users:read"], newly_asked: ["users:read"] } },
  ])
})

test("a grant that the new version does not ask for is told, and stays", async () => {
  const { cwd, run, report } = await makeHome(below("greeter", pluginFiles("greeter", { permissions: ["db"] })))
  await run("plugin", "add", "./greeter", "--yes")
  await writeFiles(cwd, below("greeter", pluginFiles("greeter", { version: "2.0.0" })))
  expect((await run("plugin", "update")).stdout).toContain("  unasked    db (still granted)\n")
  expect(await readPermissions(cwd)).toEqual(["db"])
  await writeFiles(cwd, below("greeter", pluginFiles("greeter", { version: "3.0.0", permissions: ["db"] })))
  expect(await report()).toMatchObject([{ permissions: { granted: ["db"], newly_asked: [], unasked: [] } }])
})

test("--grant for one plugin is written where its bytes are the same, and only once", async () => {
  const { cwd, run, report } = await makeHome(below("greeter", pluginFiles("greeter", { permissions: ["db"] })))
  await run("plugin", "add", "./greeter", "--yes")
  const before = await readPermissions(cwd)
  const { stdout, exitCode } = await run("plugin", "update", "greeter", "--grant", "net:a.example,db,net:a.example")
  expect(exitCode).toBe(0)
  expect(stdout).toStartWith("greeter (1.0.0) is up to date.\nGranted net:a.example to greeter.\n")
  expect([before, await readPermissions(cwd)]).toEqual([["db"], ["db", "net:a.example"]])
  expect(await report("greeter", "--grant", "users:read")).toMatchObject([
    { result: "updated", files: [], packages: [], permissions: { granted: ["db", "net:a.example", "users:read"] } },
  ])
  expect(await report("greeter", "--grant", "users:read")).toMatchObject([{ result: "current" }])
})

test("--grant for all plugins is a yes to those that ask, and nothing to the others", async () => {
  const { cwd, run } = await makeHome({
    ...below("one", pluginFiles("one")),
    ...below("two", pluginFiles("two")),
  })
  for (const name of ["one", "two"]) await run("plugin", "add", `./${name}`, "--yes")
  await writeFiles(cwd, below("one", pluginFiles("one", { version: "2.0.0", permissions: ["db"] })))
  await writeFiles(cwd, below("two", pluginFiles("two", { version: "2.0.0" })))
  expect((await run("plugin", "update", "--grant", "db")).exitCode).toBe(0)
  expect([await readPermissions(cwd, "one"), await readPermissions(cwd, "two")]).toEqual([["db"], []])
})

test("a grant that grants nothing is refused before anything is fetched", async () => {
  const { run } = await makeHome(below("greeter", pluginFiles("greeter")))
  await run("plugin", "add", "./greeter", "--yes")
  for (const [grant, wanted] of [
    ["net:https://a.example/v1", 'wanted a host as a URL has it: "net:a.example"'],
    ["entires:read", 'wanted a permission such as "jobs:create"'],
  ] as const) {
    const { stderr, exitCode } = await run("plugin", "update", "greeter", "--grant", grant)
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`--grant is "${grant}", ${wanted}`)])
  }
})

test("what was edited by hand while an update loaded is not written over", async () => {
  // it stands for whoever edits: the version that loads takes a grant away
  const edit = `const { readFileSync, writeFileSync } = await import("node:fs")
    const file = "plugins.lock.json"
    writeFileSync(file, readFileSync(file, "utf8").replace('"db",', ""))`
  const permissions = ["db", "import:node:fs"]
  const { cwd, run } = await makeHome(below("greeter", pluginFiles("greeter", { permissions })))
  await run("plugin", "add", "./greeter", "--yes")
  await writeFiles(cwd, below("greeter", pluginFiles("greeter", { version: "2.0.0", permissions, body: edit })))
  const { stderr, exitCode } = await run("plugin", "update", "greeter", "--yes")
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("was changed meanwhile")])
  expect(await readPermissions(cwd)).toEqual(["import:node:fs"])
})

test("an update under another id is refused before its code runs", async () => {
  const { cwd, run, text } = await makeHome(below("greeter", pluginFiles("greeter")))
  await run("plugin", "add", "./greeter", "--yes")
  const before = await text()
  await writeFiles(cwd, below("greeter", pluginFiles("other", { body: 'throw new Error("ran")' })))
  const { stderr } = await run("plugin", "update", "--yes")
  expect(stderr).toContain('the new version says the id "other"')
  expect(await text()).toBe(before)
})

test("update and outdated follow a git repository's default branch and a URL's whole graph", async () => {
  const repository = await makeRepository()
  const first = await repository.commit(pluginFiles("from-git"))
  web.set("/mod.ts", `/** @pagoda {"id": "from-url"} */\n${pluginCode("from-url", "a", 'import { a } from "./a.ts"')}`)
  web.set("/a.ts", 'export const a = "a"')
  const { run, outdated, report } = await makeHome()
  await run("plugin", "add", `git+${git.urlOf(repository)}`, "--yes")
  await run("plugin", "add", `${web.url}/mod.ts`, "--yes")
  expect(await outdated()).toMatchObject([{ locked: first, state: "current" }, { state: "current" }])

  const second = await repository.commit({ "more.txt": "more" })
  web.set("/a.ts", 'export const a = "A"')
  expect(await outdated()).toMatchObject([
    { locked: first, latest: second, state: "outdated" },
    { id: "from-url", state: "outdated" },
  ])
  const [fromGit, fromUrl] = await report()
  expect(fromGit.files).toEqual([{ path: "more.txt", change: "added", from_bytes: null, to_bytes: 4 }])
  expect(fromUrl.files).toEqual([{ path: `${web.url}/a.ts`, change: "changed", from_bytes: 20, to_bytes: 20 }])
  expect(await outdated()).toMatchObject([{ state: "current" }, { state: "current" }])
})

test("outdated changes nothing, and says of what it cannot ask why", async () => {
  await publish("npm-two", "1.0.0", {})
  const { cwd, run, text } = await makeHome(below("greeter", pluginFiles("greeter")))
  await run("plugin", "add", "npm:npm-two", "--yes")
  await run("plugin", "add", "./greeter", "--yes")
  const before = await text()
  const offline = await runPagoda(["plugin", "outdated"], { cwd, env: { PAGODA_OFFLINE: "true" } })
  expect(offline.exitCode).toBe(0)
  expect(offline.stdout).toContain("? npm-two: 1.0.0: cannot be told: the network is not allowed")
  expect(offline.stdout).toMatch(/✓ greeter: sha512-\S+ is current/)
  const away = await runPagoda(["plugin", "outdated", "--json"], {
    cwd,
    env: { NPM_CONFIG_REGISTRY: "http://127.0.0.1:9", HOME: cwd },
  })
  expect(away.exitCode).toBe(0)
  expect(await text()).toBe(before)
})
