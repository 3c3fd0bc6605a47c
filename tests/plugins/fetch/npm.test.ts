import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { withBudget } from "../../../src/plugins/fetch/budget.ts"
import { withClient } from "../../../src/plugins/fetch/client.ts"
import { fetchNpm, resolveNpm } from "../../../src/plugins/fetch/npm.ts"
import { placePackages } from "../../../src/plugins/fetch/packages.ts"
import type { FetchedSource } from "../../../src/plugins/fetch.ts"
import { toLocked } from "../../../src/plugins/lock.ts"
import type { NpmSource } from "../../../src/plugins/source/npm.ts"
import { verifySource } from "../../../src/plugins/verify.ts"
import { makeContext, type TestContext } from "../../support/fetching.ts"
import { flipByte, removeFolders } from "../../support/folder.ts"
import { type Registry, startRegistry } from "../../support/registry.ts"
import { makeTarball } from "../../support/tarball.ts"

let registry: Registry

beforeAll(async () => {
  registry = await startRegistry()
  await registry.publish({ name: "ms", version: "2.0.0" }, { "index.js": "exports.v = 2" })
  await registry.publish({ name: "ms", version: "3.0.0" }, { "index.js": "exports.v = 3" })
  await registry.publish({ name: "@scope/log", version: "1.0.0", dependencies: { ms: "^2.0.0", elysia: "*" } })
  await registry.publish({ name: "middle", version: "1.0.0", dependencies: { "@scope/log": "1" } })
  const manifest = {
    name: "pagoda-plugin-x",
    version: "1.0.0",
    main: "./plugin.ts",
    scripts: { postinstall: "touch /tmp/pagoda-postinstall-ran" },
    dependencies: { middle: "^1.0.0", ms: "^3.0.0", "@pagoda/sdk": "^2.0.0", elysia: "^1.4.0" },
    peerDependencies: { "@sinclair/typebox": "*", unpublished: "*" },
    devDependencies: { "not-there-either": "*" },
  }
  await registry.publish(manifest, { "plugin.ts": "export default 1" })
  await registry.publish({ ...manifest, version: "1.1.0" }, { "plugin.ts": "export default 2" })
})

afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

const resolve = (context: TestContext, range: string, name = "pagoda-plugin-x") =>
  resolveNpm({ kind: "npm", name, range }, context)
const refetch = (fetched: FetchedSource, context: TestContext) =>
  fetchNpm(fetched.source as NpmSource, toLocked(fetched), context)

test("a range and a tag become the exact version, with every transitive package and no host module", async () => {
  const context = await makeContext({ registry: registry.url })
  const fetched = await resolve(context, "~1.0.0")
  expect(fetched.source).toEqual({ kind: "npm", name: "pagoda-plugin-x", version: "1.0.0" })
  expect(fetched.entry).toBe("plugin.ts")
  expect([...fetched.packages.keys()].sort()).toEqual(["@scope/log@1.0.0", "middle@1.0.0", "ms@2.0.0", "ms@3.0.0"])
  expect((await resolve(context, "latest")).source).toMatchObject({ version: "1.1.0" })
  expect(await Bun.file("/tmp/pagoda-postinstall-ran").exists()).toBe(false)
})

test("the integrity is the registry's own, and the lockfile names no registry", async () => {
  const context = await makeContext({ registry: registry.url })
  const fetched = await resolve(context, "1.0.0")
  const said = (await (await fetch(`${registry.url}/pagoda-plugin-x`)).json()) as {
    versions: Record<string, { dist: { integrity: string } }>
  }
  expect(fetched.integrity).toBe(said.versions["1.0.0"]?.dist.integrity as string)
  expect(JSON.stringify(toLocked(fetched))).not.toContain("127.0.0.1")
})

test("two versions of one package each lie where the client puts them", async () => {
  const fetched = await resolve(await makeContext({ registry: registry.url }), "1.0.0")
  expect(fetched.layout).toEqual({ "@scope/log/node_modules/ms": "ms@2.0.0", ms: "ms@3.0.0" })
  const placed = placePackages(fetched)
  expect([...placed.keys()].sort()).toEqual(["@scope/log", "@scope/log/node_modules/ms", "middle", "ms"])
  expect(new TextDecoder().decode(placed.get("ms")?.files.get("index.js"))).toBe("exports.v = 3")
})

test("what is locked comes from the store without the network, and verifies", async () => {
  const context = await makeContext({ registry: registry.url })
  const fetched = await resolve(context, "1.0.0")
  const before = registry.requests.length
  const again = await refetch(fetched, context.offlineNow())
  expect(registry.requests.length).toBe(before)
  expect(verifySource("x", toLocked(fetched), again).packages).toEqual(fetched.packages)
})

test("what is locked is fetched from the registry exactly, not resolved anew", async () => {
  const fetched = await resolve(await makeContext({ registry: registry.url }), "1.0.0")
  const elsewhere = await makeContext({ registry: registry.url })
  expect(verifySource("x", toLocked(fetched), await refetch(fetched, elsewhere)).files).toEqual(fetched.files)
})

test("offline, what the store lacks is refused by name", async () => {
  const fetched = await resolve(await makeContext({ registry: registry.url }), "1.0.0")
  const empty = (await makeContext({ registry: registry.url })).offlineNow()
  await expect(refetch(fetched, empty)).rejects.toMatchObject({
    code: "OFFLINE",
    message: expect.stringContaining("npm:pagoda-plugin-x@1.0.0"),
  })
  await expect(resolve(empty, "latest")).rejects.toMatchObject({ code: "OFFLINE" })
})

test("one byte changed on the registry, in the plugin or in a transitive package, is refused with both hashes", async () => {
  for (const [name, version] of [
    ["flip-plugin", "1.0.0"],
    ["flip-deep", "1.0.0"],
  ] as const) {
    const own = await startRegistry()
    try {
      await own.publish({ name: "flip-deep", version: "1.0.0" }, { "index.js": "exports.deep = true" })
      await own.publish({ name: "flip-middle", version: "1.0.0", dependencies: { "flip-deep": "1" } })
      const manifest = {
        name: "flip-plugin",
        version: "1.0.0",
        main: "plugin.ts",
        dependencies: { "flip-middle": "1" },
      }
      await own.publish(manifest, { "plugin.ts": "export default 1" })
      const fetched = await resolve(await makeContext({ registry: own.url }), "1.0.0", "flip-plugin")
      await own.tamper(name, version)
      const locked = toLocked(fetched)
      const expected = name === "flip-plugin" ? fetched.integrity : locked.dependencies?.["flip-deep@1.0.0"]
      const changed = await refetch(fetched, await makeContext({ registry: own.url }))
      const verify = () => verifySource("x", locked, changed)
      expect(verify).toThrow(
        `lockfile says "${expected}"; run "pagoda plugin update x" if you mean to take the new one`,
      )
      expect(verify).toThrow(new RegExp(`integrity of .*${name}@1.0.0" is "sha512-`))
      // and what nobody has locked yet is held against what the registry says
      const fresh = resolve(await makeContext({ registry: own.url }), "1.0.0", "flip-plugin")
      await expect(fresh).rejects.toMatchObject({ code: "INTEGRITY_MISMATCH" })
    } finally {
      await own.stop()
    }
  }
})

test("a damaged stored package is fetched again, and refused where the network is not allowed", async () => {
  const context = await makeContext({ registry: registry.url })
  const fetched = await resolve(context, "1.0.0")
  const integrity = fetched.packages.get("ms@2.0.0")?.integrity as string
  const file = join(context.folder, "store/trees", Buffer.from(integrity.slice(7), "base64").toString("hex"))
  await flipByte(file)
  await expect(refetch(fetched, context.offlineNow())).rejects.toMatchObject({
    code: "STORE_DAMAGED",
    message: expect.stringMatching(/hash is "sha512-.*(written as|expected) "sha512-.*"pagoda plugin update <id>"/),
  })
  verifySource("x", toLocked(fetched), await refetch(fetched, context))
  verifySource("x", toLocked(fetched), await refetch(fetched, context.offlineNow()))
})

test("a registry that never answers is given up in time, and nothing is left behind", async () => {
  const asked = Promise.withResolvers<void>()
  const silent = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch() {
      asked.resolve()
      return new Promise<Response>(() => {})
    },
  })
  const context = await makeContext({ registry: silent.url.origin })
  const ended = Promise.withResolvers<unknown>()
  const view = withBudget(
    "npm:x@1.0.0",
    (budget) => {
      const work = withClient(context, budget, (client) => client.view("x@1.0.0"))
      work.catch(ended.resolve)
      return work
    },
    { ms: 300 },
  )
  await expect(view).rejects.toMatchObject({ code: "SOURCE_TIMEOUT", message: expect.stringContaining("npm:x@1.0.0") })
  await asked.promise
  expect(await ended.promise).toMatchObject({ code: "SOURCE_TIMEOUT" })
  await silent.stop(true)
})

test("an unknown package and an unknown version are not found", async () => {
  const context = await makeContext({ registry: registry.url })
  await expect(resolve(context, "latest", "never-published")).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" })
  await expect(resolve(context, "^9.0.0")).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" })
})

test("a registry that is not there is said to be unreachable", async () => {
  const context = await makeContext({ registry: "http://127.0.0.1:1" })
  await expect(resolve(context, "latest")).rejects.toMatchObject({ code: "SOURCE_UNREACHABLE" })
})

test("a package that names a folder or a repository as its dependency is refused", async () => {
  for (const range of ["file:../..", "git+file:///etc", "https://example.com/x.tgz", "link:x", "user/repository"]) {
    const name = `asks-${Bun.hash(range).toString(36)}`
    await registry.publish(
      { name, version: "1.0.0", main: "plugin.ts", dependencies: { evil: range } },
      { "plugin.ts": "" },
    )
    await expect(resolve(await makeContext({ registry: registry.url }), "1.0.0", name)).rejects.toMatchObject({
      code: "SOURCE_REFUSED",
      message: expect.stringContaining(range),
    })
  }
})

test("a hostile tarball from a registry is refused, whatever its integrity", async () => {
  const tarball = await makeTarball([{ name: "package/../../evil", content: "x" }])
  await registry.publishTarball({ name: "hostile", version: "1.0.0" }, tarball)
  await expect(resolve(await makeContext({ registry: registry.url }), "1.0.0", "hostile")).rejects.toMatchObject({
    code: "SOURCE_REFUSED",
    message: expect.stringContaining("leads out of its root"),
  })
})

test("packages that are small alone and unpack to more than 200 MiB together are refused", async () => {
  const dependencies: Record<string, string> = {}
  for (const name of ["heavy-a", "heavy-b", "heavy-c"]) {
    dependencies[name] = "1.0.0"
    const manifest = { name, version: "1.0.0" }
    await registry.publishTarball(
      manifest,
      await makeTarball([
        { name: "package/package.json", content: JSON.stringify(manifest) },
        { name: "package/zeros", content: new Uint8Array(70 * 1024 * 1024) },
      ]),
    )
  }
  await registry.publish({ name: "heavy", version: "1.0.0", main: "plugin.ts", dependencies }, { "plugin.ts": "" })
  await expect(resolve(await makeContext({ registry: registry.url }), "1.0.0", "heavy")).rejects.toMatchObject({
    code: "SOURCE_TOO_LARGE",
    message: 'Cannot fetch "npm:heavy@1.0.0": it and its packages have more than 200 MiB of files, which is the limit',
  })
}, 30_000)

test("a registry that wants a token gets it from the .npmrc beside the lockfile, and variables in it are filled in", async () => {
  const closed = await startRegistry({ token: "s3cret" })
  process.env.TEST_NPM_TOKEN = "s3cret"
  try {
    await closed.publish({ name: "own", version: "1.0.0", main: "plugin.ts" }, { "plugin.ts": "" })
    const { host } = new URL(closed.url)
    const npmrc = `@mine:registry=${closed.url}/\nregistry=${closed.url}/\n//${host}/:_authToken=\${TEST_NPM_TOKEN}\n`
    expect((await resolve(await makeContext({ npmrc }), "1", "own")).entry).toBe("plugin.ts")
    const denied = resolve(await makeContext({ registry: closed.url }), "1", "own")
    await expect(denied).rejects.toMatchObject({ code: "SOURCE_UNREACHABLE" })
  } finally {
    delete process.env.TEST_NPM_TOKEN
    await closed.stop()
  }
})
