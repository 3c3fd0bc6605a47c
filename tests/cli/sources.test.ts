import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { flipByte, makeFolder, removeFolders } from "../support/folder.ts"
import { runPagoda } from "../support/pagoda.ts"
import { pluginFiles } from "../support/plugin-folder.ts"
import { type Registry, startRegistry } from "../support/registry.ts"
import { makeRepository } from "../support/repository.ts"
import { startWeb } from "../support/web.ts"

let registry: Registry

beforeAll(async () => {
  registry = await startRegistry()
  await registry.publish({ name: "answer", version: "1.0.0", main: "./index.js" }, { "index.js": "export default 42" })
  await publish("1.0.0")
})
afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

async function publish(version: string, permissions: string[] = []) {
  const files = pluginFiles("npm-plugin", {
    version,
    permissions,
    body: 'import answer from "answer"; console.log(answer)',
  })
  const manifest = JSON.parse(files["package.json"] ?? "")
  await registry.publish(
    { ...manifest, name: "pagoda-plugin-npm", dependencies: { answer: "^1.0.0" } },
    { "plugin.ts": files["plugin.ts"] ?? "" },
  )
}

async function makeHome() {
  const cwd = await makeFolder({ ".npmrc": `registry=${registry.url}/\n` })
  return {
    cwd,
    run: (...args: string[]) => runPagoda(args, { cwd }),
    offline: (...args: string[]) => runPagoda(args, { cwd, env: { PAGODA_OFFLINE: "true" } }),
    read: async () => (await Bun.file(join(cwd, "plugins.lock.json")).json()).plugins,
  }
}

/** Changes a byte of the content of every stored tree, or of every bundle. */
async function damage(cwd: string, what: "trees" | "bundles") {
  const folder = join(cwd, ".pagoda/store", what)
  for (const name of await readdir(folder)) await flipByte(join(folder, name))
}

describe("npm", () => {
  test("a range becomes the exact version, with every hash; update takes the newest", async () => {
    const { run, read } = await makeHome()
    const added = await run("plugin", "add", "npm:pagoda-plugin-npm@^1.0.0", "--yes")
    expect(added).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("packages   answer@1.0.0") })
    expect((await read())["npm-plugin"]).toMatchObject({
      source: "npm:pagoda-plugin-npm@1.0.0",
      version: "1.0.0",
      dependencies: { "answer@1.0.0": expect.stringMatching(/^sha512-/) },
    })
    expect((await run("plugin", "verify")).stdout).toContain(
      "✓ npm-plugin: npm:pagoda-plugin-npm@1.0.0 (2 files, 1 packages)",
    )

    await publish("1.1.0", ["db"])
    expect((await run("plugin", "update")).stderr).toContain("grant it db as well")
    const { stdout } = await run("plugin", "update", "--yes")
    expect(stdout).toContain("version    1.0.0 → 1.1.0")
    expect(stdout).toContain("Updated npm-plugin from 1.0.0 to 1.1.0")
    expect((await read())["npm-plugin"]).toMatchObject({ source: "npm:pagoda-plugin-npm@1.1.0", permissions: ["db"] })
  })

  test("lock completes an entry written by hand, and writes the same bytes twice", async () => {
    const { cwd, run } = await makeHome()
    const file = join(cwd, "plugins.lock.json")
    const plugins = { "npm-plugin": { source: "npm:pagoda-plugin-npm@1.0.0" } }
    await Bun.write(file, JSON.stringify({ lockfileVersion: 1, plugins }))
    expect((await run("lock")).exitCode).toBe(0)
    const once = await Bun.file(file).text()
    expect((await run("lock")).exitCode).toBe(0)
    expect(await Bun.file(file).text()).toBe(once)
    expect((await run("plugin", "list")).stdout).toContain("✓ npm-plugin (1.0.0)")
  })

  test.each(["trees", "bundles"] as const)("verify finds damaged %s, and update makes them anew", async (what) => {
    const { cwd, run, offline } = await makeHome()
    await run("plugin", "add", "npm:pagoda-plugin-npm@1.0.0", "--yes")
    await damage(cwd, what)
    const verified = await run("plugin", "verify")
    expect(verified.exitCode).toBe(1)
    expect(verified.stdout.match(/sha512-/g)?.length).toBeGreaterThanOrEqual(2)
    expect((await offline("plugin", "list")).stdout).toContain("✗ npm-plugin")
    await run("plugin", "update", "npm-plugin", "--yes")
    expect((await run("plugin", "verify")).exitCode).toBe(0)
    expect((await offline("plugin", "list")).stdout).toContain("✓ npm-plugin")
  })

  test("a package that is not there is the user's mistake", async () => {
    const { run } = await makeHome()
    const { stderr, exitCode } = await run("plugin", "add", "npm:pagoda-plugin-nowhere", "--yes")
    expect(exitCode).toBe(1)
    expect(stderr).toContain("pagoda-plugin-nowhere")
  })

  test("update never goes back behind the version that is locked", async () => {
    const { run, read } = await makeHome()
    const publishTwo = async (version: string) => {
      const files = pluginFiles("beta-plugin", { version })
      const manifest = JSON.parse(files["package.json"] ?? "")
      await registry.publish({ ...manifest, name: "pagoda-plugin-beta" }, { "plugin.ts": files["plugin.ts"] ?? "" })
    }
    await publishTwo("2.0.0-beta.1")
    await publishTwo("1.0.0")
    await run("plugin", "add", "npm:pagoda-plugin-beta@2.0.0-beta.1", "--yes")
    expect((await run("plugin", "update", "--yes")).stdout).toBe("beta-plugin (2.0.0-beta.1) is up to date.\n")
    expect((await read())["beta-plugin"].version).toBe("2.0.0-beta.1")
  })

  test("offline, add says that the network is not allowed", async () => {
    const { offline } = await makeHome()
    const { stderr, exitCode } = await offline("plugin", "add", "npm:pagoda-plugin-npm", "--yes")
    expect(exitCode).toBe(1)
    expect(stderr).toContain("the network is not allowed")
  })
})

test("git: a branch becomes its commit, and update takes the head of the default branch", async () => {
  const repository = await makeRepository()
  const first = await repository.commit(pluginFiles("git-plugin"))
  const { run, read } = await makeHome()
  expect((await run("plugin", "add", `git+file://${repository.folder}#main`, "--yes")).exitCode).toBe(0)
  expect((await read())["git-plugin"].source).toBe(`git+file://${repository.folder}#${first}`)
  expect((await run("plugin", "update")).stdout).toBe("git-plugin (1.0.0) is up to date.\n")
  const second = await repository.commit(pluginFiles("git-plugin", { version: "1.1.0" }))
  expect((await run("plugin", "update")).exitCode).toBe(0)
  expect((await read())["git-plugin"]).toMatchObject({
    source: `git+file://${repository.folder}#${second}`,
    version: "1.1.0",
  })
})

test("URL: a module with a manifest in its first comment, and update takes what is there now", async () => {
  const toModule = (version: string) =>
    `/** @pagoda { "id": "url-plugin" } */\nimport "./part.ts"\n${pluginFiles("url-plugin", { version })["plugin.ts"]}`
  const web = startWeb({ "/mod.ts": toModule("1.0.0"), "/part.ts": "export const part = 1" })
  try {
    const { run, read } = await makeHome()
    expect((await run("plugin", "add", `${web.url}/mod.ts`, "--yes")).exitCode).toBe(0)
    expect((await read())["url-plugin"]).toMatchObject({
      source: `${web.url}/mod.ts`,
      modules: { [`${web.url}/part.ts`]: expect.stringMatching(/^sha512-/) },
    })
    web.set("/mod.ts", toModule("2.0.0"))
    const { stdout, exitCode } = await run("plugin", "update", "--yes")
    expect({ stdout, exitCode }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("from 1.0.0 to 2.0.0") })
    expect((await run("plugin", "verify")).exitCode).toBe(0)
  } finally {
    await web.stop()
  }
})
