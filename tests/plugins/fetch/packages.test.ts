import { afterAll, beforeAll, expect, test } from "bun:test"
import { fetchPackages, placePackages, resolvePackages } from "../../../src/plugins/fetch/packages.ts"
import { makeContext } from "../../support/fetching.ts"
import { removeFolders } from "../../support/folder.ts"
import { type Registry, startRegistry } from "../../support/registry.ts"

let registry: Registry

beforeAll(async () => {
  registry = await startRegistry()
  await registry.publish({ name: "ms", version: "2.0.0" }, { "index.js": "exports.v = 2" })
  await registry.publish({ name: "ms", version: "3.0.0" }, { "index.js": "exports.v = 3" })
  await registry.publish({ name: "elsewhere", version: "1.0.0", os: ["win32"], cpu: ["ia32"] })
})

afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

async function resolve(wanted: Record<string, string>) {
  return resolvePackages(wanted, await makeContext({ registry: registry.url }))
}

test("nothing wanted asks nobody", async () => {
  const context = (await makeContext()).offlineNow()
  expect((await resolvePackages({}, context)).packages.size).toBe(0)
  expect((await fetchPackages({}, context)).packages.size).toBe(0)
})

test("peers come along as npm users expect; those that the host gives and optional ones do not", async () => {
  const peers = { "@pagoda/sdk": "*", elysia: "^1", ms: "^2.0.0", "optional-one": "*" }
  const meta = { peerDependenciesMeta: { "optional-one": { optional: true } } }
  await registry.publish({ name: "with-peers", version: "1.0.0", peerDependencies: peers, ...meta })
  expect([...(await resolve({ "with-peers": "1" })).packages.keys()]).toEqual(["ms@2.0.0", "with-peers@1.0.0"])
})

test("a package for another platform is locked too, so that the lockfile is the same everywhere", async () => {
  const optionalDependencies = { elsewhere: "1", "never-published": "1" }
  await registry.publish({ name: "with-native", version: "1.0.0", optionalDependencies })
  const { packages } = await resolve({ "with-native": "1" })
  expect([...packages.keys()]).toEqual(["elsewhere@1.0.0", "with-native@1.0.0"])
})

test("an alias lies at its own name", async () => {
  const found = await resolve({ old: "npm:ms@2.0.0", ms: "^3.0.0" })
  expect(found.layout).toEqual({ ms: "ms@3.0.0", old: "ms@2.0.0" })
  expect(new TextDecoder().decode(placePackages(found).get("old")?.files.get("index.js"))).toBe("exports.v = 2")
})

test("other bytes than the locked ones come as their hash alone", async () => {
  const { packages } = await resolve({ ms: "2.0.0" })
  const other = (await resolve({ ms: "3.0.0" })).packages.get("ms@3.0.0")?.integrity as string
  const context = await makeContext({ registry: registry.url })
  const fetched = await fetchPackages({ dependencies: { "ms@2.0.0": other } }, context)
  const integrity = packages.get("ms@2.0.0")?.integrity as string
  expect(fetched.packages.get("ms@2.0.0")).toEqual({ integrity, files: new Map() })
})

test("a name that is none never reaches the client", async () => {
  for (const name of ["--global", "../x", "a b", ""])
    await expect(resolve({ [name]: "1" })).rejects.toThrow("this is no package name")
  const context = await makeContext({ registry: registry.url })
  const locked = { dependencies: { "--registry=x@1.0.0": `sha512-${"A".repeat(86)}==` } }
  await expect(fetchPackages(locked, context)).rejects.toThrow("this is no package")
})
