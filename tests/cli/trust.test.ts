import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { runPagoda } from "../support/pagoda.ts"
import { pluginFiles } from "../support/plugin-folder.ts"
import { makeStatement, type SigningRegistry, startSigningRegistry } from "../support/signing-registry.ts"

let registry: SigningRegistry

beforeAll(async () => {
  registry = await startSigningRegistry()
  await registry.publish({ name: "leaf", version: "1.0.0" }, { "index.js": "" })
  await publish("1.0.0")
})
afterEach(() => {
  registry.signing = {}
})
afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

async function publish(version: string) {
  const { "package.json": about = "", "plugin.ts": code = "" } = pluginFiles("signed", { version })
  await registry.publish({ ...JSON.parse(about), name: "signed", dependencies: { leaf: "1" } }, { "plugin.ts": code })
}

async function makeHome() {
  const cwd = await makeFolder({ ".npmrc": `registry=${registry.url}/\n` })
  return { cwd, run: (...args: string[]) => runPagoda(args, { cwd }) }
}

test("add shows that signatures are verified and what the provenance claims; info shows it later, offline", async () => {
  registry.signing = { statement: (view) => (view.name === "signed" ? makeStatement(view) : undefined) }
  const { run, cwd } = await makeHome()
  const added = await run("plugin", "add", "npm:signed", "--yes")
  const lines = [
    `  signature  verified with the registry's key "${registry.keyid}"`,
    "  provenance claims https://github.com/team/plugin, commit c0ffee, workflow .github/workflows/release.yml@refs/tags/v1.0.0 (a claim: not verified)",
    "  packages'  signatures: 1 of 1 verified",
  ]
  for (const line of lines) expect(added.stdout).toContain(line)

  const offline = (...args: string[]) => runPagoda(args, { cwd, env: { PAGODA_OFFLINE: "true" } })
  expect((await offline("plugin", "info", "signed")).stdout).toContain(registry.keyid)
  expect(JSON.parse((await offline("plugin", "info", "signed", "--json")).stdout).trust).toMatchObject({
    own: { signature: "verified", provenance: { repository: "https://github.com/team/plugin" } },
    packages: { "leaf@1.0.0": { signature: "verified", keyid: registry.keyid } },
  })
})

test("add shows what is unsigned, and what nobody can verify", async () => {
  registry.signing = { unsigned: true }
  const unsigned = await (await makeHome()).run("plugin", "add", "npm:signed", "--yes")
  expect(unsigned.stdout).toContain("  signature  unsigned\n  packages'  signatures: unsigned: leaf@1.0.0\n")
  registry.signing = { keys: "none" }
  const unverified = await (await makeHome()).run("plugin", "add", "npm:signed", "--yes")
  expect(unverified.stdout).toContain("signature  not verified: the registry publishes no keys")
})

test("add and update refuse a wrong signature, and write nothing", async () => {
  const { run, cwd } = await makeHome()
  registry.signing = { text: () => "something else" }
  const refused = await run("plugin", "add", "npm:signed", "--yes")
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("signature does not match") })
  expect(await readdir(cwd)).not.toContain("plugins.lock.json")

  registry.signing = {}
  await run("plugin", "add", "npm:signed", "--yes")
  const before = await Bun.file(join(cwd, "plugins.lock.json")).text()
  await publish("1.1.0")
  registry.signing = { keys: "others" }
  expect(await run("plugin", "update", "--yes")).toMatchObject({ exitCode: 1 })
  expect(await Bun.file(join(cwd, "plugins.lock.json")).text()).toBe(before)
  registry.signing = {}
  const updated = await run("plugin", "update", "--yes", "--json")
  expect(JSON.parse(updated.stdout)).toMatchObject([
    { id: "signed", result: "updated", to: { version: "1.1.0" }, trust: { own: { signature: "verified" } } },
  ])
})

test("update says what was shown of the old version's origin and cannot be of the new one's", async () => {
  const { run } = await makeHome()
  registry.signing = { statement: makeStatement }
  await run("plugin", "add", "npm:signed@1.0.0", "--yes")
  await publish("1.2.0")
  registry.signing = { unsigned: true }
  const stripped = await run("plugin", "update")
  expect(stripped.stdout).toContain("  weaker     the signature was verified, and now is not there\n")
  expect(stripped.stdout).toContain(
    "  weaker     the provenance claimed https://github.com/team/plugin, and now is not there\n",
  )

  await publish("1.3.0")
  registry.signing = {}
  expect(JSON.parse((await run("plugin", "update", "--json")).stdout)).toMatchObject([{ weaker: [] }])
})

test("a plugin that came here by its lockfile alone was not looked at, and info says so", async () => {
  const { run, cwd } = await makeHome()
  await run("plugin", "add", "npm:signed", "--yes")
  const elsewhere = await makeFolder({
    ".npmrc": `registry=${registry.url}/\n`,
    "plugins.lock.json": await Bun.file(join(cwd, "plugins.lock.json")).text(),
  })
  const { stdout } = await runPagoda(["plugin", "info", "signed"], { cwd: elsewhere })
  expect(stdout).toContain("not looked at on this machine")
})

test("verify shows no text of a lockfile that reads backwards", async () => {
  const plugins = { hidden: { source: "file:a\u202eb", integrity: `sha512-${"A".repeat(86)}==` } }
  const cwd = await makeFolder({ "plugins.lock.json": JSON.stringify({ lockfileVersion: 1, plugins }) })
  const { stdout, exitCode } = await runPagoda(["plugin", "verify"], { cwd })
  expect(exitCode).toBe(1)
  expect(stdout).toContain("a\ufffdb")
  expect(stdout).not.toContain("\u202e")
})
