import { afterAll, describe, expect, test } from "bun:test"
import { PagodaError } from "../../../src/errors.ts"
import { makeBundle } from "../../../src/plugins/bundle/bundler.ts"
import { checkAddress, isPublic, toPermittedHost } from "../../../src/plugins/fetch/address.ts"
import { fetchUrl, resolveUrl } from "../../../src/plugins/fetch/url.ts"
import type { FetchedSource } from "../../../src/plugins/fetch.ts"
import { forgetBundle, importBundle } from "../../../src/plugins/import.ts"
import { toSri } from "../../../src/plugins/integrity.ts"
import type { LockedPlugin } from "../../../src/plugins/lockfile.ts"
import { verifySource } from "../../../src/plugins/verify.ts"
import { makeContext, type TestContext } from "../../support/fetching.ts"
import { removeFolders } from "../../support/folder.ts"
import { startRegistry } from "../../support/registry.ts"
import { type Answer, redirect, startWeb, type Web } from "../../support/web.ts"

const webs: Web[] = []

afterAll(async () => {
  await Promise.all(webs.map((web) => web.stop()))
  await removeFolders()
})

function serve(answers: Record<string, Answer>): Web {
  const web = startWeb(answers)
  webs.push(web)
  return web
}

async function resolve(url: string, limits = {}, context?: TestContext): Promise<FetchedSource> {
  return resolveUrl({ kind: "url", url }, context ?? (await makeContext()), limits)
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    (value) => new Error(`it passed and gave ${Bun.inspect(value)}`),
    (thrown: unknown) => thrown,
  )
  return error instanceof PagodaError ? `${error.code} ${error.message}` : String(error)
}

function lock(fetched: FetchedSource, url: string): LockedPlugin {
  return {
    source: url,
    integrity: fetched.integrity,
    modules: Object.fromEntries(fetched.modules),
    dependencies: Object.fromEntries([...fetched.packages].map(([name, { integrity }]) => [name, integrity])),
    layout: fetched.layout,
  }
}

async function run(id: string, locked: LockedPlugin, fetched: FetchedSource): Promise<unknown> {
  const code = await makeBundle(verifySource(id, locked, fetched), { id, grants: [] })
  const bundle = { id, digest: toSri(code), code }
  try {
    return await importBundle(bundle)
  } finally {
    forgetBundle(bundle)
  }
}

describe("a graph of modules", () => {
  const graph = {
    "/mod.ts":
      'import { a } from "./lib/a.ts"\nimport type { Nope } from "./nope.ts"\nimport data from "./d.json" with { type: "json" }\nexport default [a, data.x]',
    "/lib/a.ts":
      'export * from "../b.ts"\nexport { c } from "/c.js?v=1"\nexport const lazy = () => import("./lazy.ts")',
    "/b.ts": "export const a: number = 1",
    "/c.js": "export const c = 2",
    "/lib/lazy.ts": "export default 3",
    "/d.json": '{"x": 4}',
  }

  test("is fetched with relative, absolute, literal dynamic and JSON imports, types left out, and runs", async () => {
    const web = serve(graph)
    const url = `${web.url}/mod.ts`
    const fetched = await resolve(url)
    expect(fetched.integrity).toBe(toSri(graph["/mod.ts"]))
    expect(Object.fromEntries(fetched.modules)).toEqual({
      [`${web.url}/lib/a.ts`]: toSri(graph["/lib/a.ts"]),
      [`${web.url}/b.ts`]: toSri(graph["/b.ts"]),
      [`${web.url}/c.js?v=1`]: toSri(graph["/c.js"]),
      [`${web.url}/lib/lazy.ts`]: toSri(graph["/lib/lazy.ts"]),
      [`${web.url}/d.json`]: toSri(graph["/d.json"]),
    })
    expect(await run("graph", lock(fetched, url), fetched)).toEqual([1, 4])
  })

  test("boots from the store alone once it is there", async () => {
    const web = serve(graph)
    const url = `${web.url}/mod.ts`
    const context = await makeContext()
    const locked = lock(await resolve(url, {}, context), url)
    await web.stop()
    const again = await fetchUrl({ kind: "url", url }, locked, context.offlineNow())
    expect(await run("offline", locked, again)).toEqual([1, 4])
  })

  test("is taken again elsewhere from the lockfile, without asking for anything else", async () => {
    const web = serve(graph)
    const url = `${web.url}/mod.ts`
    const locked = lock(await resolve(url), url)
    const before = web.requests.length
    const again = await fetchUrl({ kind: "url", url }, locked, await makeContext())
    expect(web.requests.length - before).toBe(6)
    expect(await run("elsewhere", locked, again)).toEqual([1, 4])
  })

  test("with another byte in any module is refused with both hashes, and not kept", async () => {
    for (const path of ["/mod.ts", "/b.ts"]) {
      const web = serve(graph)
      const url = `${web.url}/mod.ts`
      const locked = lock(await resolve(url), url)
      const changed = `${graph[path as "/b.ts"]} `
      web.set(path, changed)
      const context = await makeContext()
      const fetched = await fetchUrl({ kind: "url", url }, locked, context)
      const message = await refusal((async () => verifySource("changed", locked, fetched))())
      expect(message).toStartWith("INTEGRITY_MISMATCH")
      expect(message).toContain(toSri(changed))
      expect(message).toContain(toSri(graph[path as "/b.ts"]))
      expect(await context.store.readTree(toSri(changed))).toBeUndefined()
    }
  })

  test("offline, without its modules in the store, says so", async () => {
    const locked = { source: "https://example.com/mod.ts", integrity: toSri("x") }
    const context = (await makeContext()).offlineNow()
    const source = { kind: "url", url: locked.source } as const
    expect(await refusal(fetchUrl(source, locked, context))).toStartWith("OFFLINE")
    expect(await refusal(resolveUrl(source, context))).toStartWith("OFFLINE")
  })

  test("is checked before it runs: what it was not granted is named by URL, line and column", async () => {
    const web = serve({
      "/mod.ts": 'import "./a.ts"; export default 1',
      "/a.ts": 'import "node:fs"\nconsole.log(process.env)',
    })
    const url = `${web.url}/mod.ts`
    const fetched = await resolve(url)
    const message = await refusal(run("nosy", lock(fetched, url), fetched))
    expect(message).toContain(`"${web.url}/a.ts:1:1" imports "node:fs": needs the permission "import:node:fs"`)
    expect(message).toContain(`"${web.url}/a.ts:2:13" uses "process": needs the permission "import:process"`)
  })

  test("that imports a URL the lockfile does not name is not bundled", async () => {
    const web = serve(graph)
    const url = `${web.url}/mod.ts`
    const locked = lock(await resolve(url), url)
    const { [`${web.url}/b.ts`]: _, ...modules } = locked.modules ?? {}
    const less = { ...locked, modules }
    const fetched = await fetchUrl({ kind: "url", url }, less, await makeContext())
    const message = await refusal(run("less", less, fetched))
    expect(message).toContain(
      `"${web.url}/lib/a.ts:1:1" imports "../b.ts": it is not among the modules of the lockfile`,
    )
  })
})

describe("npm: imports", () => {
  test("come from the registry, are locked as dependencies, and run", async () => {
    const registry = await startRegistry()
    try {
      const integrity = await registry.publish(
        { name: "five", version: "1.0.5" },
        { "index.js": "export const five = 5", "sub.js": "export default 6" },
      )
      const web = serve({
        "/mod.ts":
          'import { five } from "npm:five@1.0.5"\nimport six from "npm:five@1.0.5/sub.js"\nexport default [five, six]',
      })
      const url = `${web.url}/mod.ts`
      const fetched = await resolve(url, {}, await makeContext({ registry: registry.url }))
      const locked = lock(fetched, url)
      expect(locked.dependencies).toEqual({ "five@1.0.5": integrity })
      expect(await run("npm", locked, fetched)).toEqual([5, 6])
    } finally {
      await registry.stop()
    }
  })

  test.each([
    ["npm:five", 'wanted an exact version, "npm:<name>@<version>"'],
    ["npm:five@^1.0.0", "wanted an exact version"],
    ["npm:five@latest", "wanted an exact version"],
    ["five", 'wanted a relative path, a URL or "npm:<name>@<version>"'],
    ["jsr:@std/semver", "wanted a relative path"],
    ["file:///etc/passwd", "wanted a relative path"],
  ])("%s is refused", async (specifier, wanted) => {
    const web = serve({ "/mod.ts": `import x from "${specifier}"; export default x` })
    const message = await refusal(resolve(`${web.url}/mod.ts`))
    expect(message).toStartWith(`SOURCE_REFUSED Cannot fetch "${web.url}/mod.ts": it imports "${specifier}", ${wanted}`)
  })

  test("of two versions of one package are refused, naming both", async () => {
    const web = serve({ "/mod.ts": 'import "npm:a@1.0.0"; import "./b.ts"', "/b.ts": 'import "npm:a@2.0.0"' })
    expect(await refusal(resolve(`${web.url}/mod.ts`))).toContain(
      `it imports "npm:a@2.0.0", "${web.url}/mod.ts" imports version 1.0.0`,
    )
  })
})

describe("a redirect", () => {
  test("is followed and locked under the URL that was asked for", async () => {
    const web = serve({
      "/mod.ts": 'export { default } from "./old.ts"',
      "/old.ts": redirect("/new.ts"),
      "/new.ts": "export default 1",
    })
    const url = `${web.url}/mod.ts`
    const fetched = await resolve(url)
    expect([...fetched.modules.keys()]).toEqual([`${web.url}/old.ts`])
    expect(await run("redirected", lock(fetched, url), fetched)).toBe(1)
  })

  test("is where relative imports start, and the lockfile alone is enough to find them again", async () => {
    const web = serve({
      "/mod.ts": redirect("/v1/mod.ts"),
      "/v1/mod.ts": 'import b from "./b.ts"; export default b',
      "/v1/b.ts": "export default 2",
    })
    const url = `${web.url}/mod.ts`
    const context = await makeContext()
    const fetched = await resolve(url, {}, context)
    expect([...fetched.modules.keys()]).toEqual([`${web.url}/v1/b.ts`, `${web.url}/v1/mod.ts`])
    const locked = lock(fetched, url)
    expect(await run("moved", locked, fetched)).toBe(2)
    expect(await run("moved", locked, await fetchUrl({ kind: "url", url }, locked, context.offlineNow()))).toBe(2)
    expect(await run("moved", locked, await fetchUrl({ kind: "url", url }, locked, await makeContext()))).toBe(2)
  })

  test("that would make a relative import mean two modules is refused", async () => {
    const web = serve({
      "/mod.ts": 'import "./old.ts"; import "./b.ts"; export default 1',
      "/old.ts": redirect("/v1/new.ts"),
      "/v1/new.ts": 'import "./b.ts"',
      "/b.ts": "1",
      "/v1/b.ts": "2",
    })
    const message = await refusal(resolve(`${web.url}/mod.ts`))
    expect(message).toContain(
      `it imports "./b.ts", it is redirected, and that could mean two modules; use "${web.url}/v1/new.ts" instead`,
    )
  })

  test("chain of five is followed, of six refused", async () => {
    const chain = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`/${at}.ts`, redirect(`/${at + 1}.ts`)]))
    const web = serve({ ...chain, "/6.ts": "export default 1" })
    expect((await resolve(`${web.url}/1.ts`)).integrity).toBe(toSri("export default 1"))
    expect(await refusal(resolve(`${web.url}/0.ts`))).toEndWith("it redirects more than 5 times")
  })

  test("to another private host, or to plain http: off loopback, is refused", async () => {
    const other = serve({ "/x.ts": "export default 1" })
    const port = new URL(other.url).port
    for (const [location, why] of [
      [`http://localhost:${port}/x.ts`, '"localhost" leads to'],
      [`http://127.0.0.2:${port}/x.ts`, '"127.0.0.2" is a private address (loopback)'],
      [`http://[::ffff:127.0.0.1]:${port}/x.ts`, 'plain "http:" is for loopback only'],
      ["http://example.com/x.ts", 'plain "http:" is for loopback only'],
      ["https://169.254.169.254/latest", '"169.254.169.254" is a private address (linkLocal)'],
      ["file:///etc/passwd", '"file:" is not allowed'],
    ] as const) {
      const web = serve({ "/mod.ts": redirect(location) })
      expect(await refusal(resolve(`${web.url}/mod.ts`))).toContain(why)
    }
    expect(other.requests).toEqual([])
  })
})

describe("a server that", () => {
  const answers: [does: string, answer: Answer, message: string][] = [
    [
      "answers 500",
      () => new Response("no", { status: 500 }),
      'SOURCE_UNREACHABLE Cannot fetch "URL": the server answers 500',
    ],
    [
      "answers 404",
      () => new Response("no", { status: 404 }),
      'SOURCE_NOT_FOUND Cannot fetch "URL": the server answers 404',
    ],
    [
      "answers a page",
      () => new Response("<p>", { headers: { "content-type": "text/html" } }),
      'SOURCE_REFUSED Cannot fetch "URL": the server answers a page ("text/html"), wanted a module',
    ],
    ["redirects in a circle", redirect("/mod.ts"), 'SOURCE_UNREACHABLE Cannot fetch "URL": it redirects in a circle'],
    ["answers no module", "export default {", 'SOURCE_REFUSED Cannot fetch "URL": it is no module: Unexpected token'],
    ["never ends", endless, 'SOURCE_TIMEOUT Cannot fetch "URL": it took longer than 0.3 s'],
    [
      "never answers",
      () => new Promise<Response>(() => {}),
      'SOURCE_TIMEOUT Cannot fetch "URL": it took longer than 0.3 s',
    ],
    [
      "sends too much",
      () => new Response(new Uint8Array(2 * 1024 * 1024)),
      'SOURCE_TOO_LARGE Cannot fetch "URL": it is more than 1 MiB to download',
    ],
  ]
  test.each(answers)("%s has a message of its own", async (_, answer, message) => {
    const web = serve({ "/mod.ts": answer })
    const url = `${web.url}/mod.ts`
    const started = performance.now()
    expect(await refusal(resolve(url, { ms: 300, bytes: 1024 * 1024 }))).toStartWith(message.replace("URL", url))
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test("has more modules than one plugin may have is refused before they are asked for", async () => {
    const imports = Array.from({ length: 10_000 }, (_, at) => `import "./${at}.js"`)
    const web = serve({ "/mod.ts": imports.join("\n") })
    expect(await refusal(resolve(`${web.url}/mod.ts`))).toEndWith("it has more than 10000 modules, which is the limit")
    expect(web.requests).toEqual(["/mod.ts"])
  })

  test("is not there", async () => {
    const web = serve({})
    await web.stop()
    expect(await refusal(resolve(`${web.url}/mod.ts`))).toStartWith("SOURCE_UNREACHABLE")
  })
})

function endless(): Response {
  let timer: ReturnType<typeof setInterval>
  const stream = new ReadableStream({
    start: (controller) => {
      timer = setInterval(() => controller.enqueue(new TextEncoder().encode("// more\n")), 20)
    },
    cancel: () => clearInterval(timer),
  })
  return new Response(stream, { headers: { "content-type": "text/javascript" } })
}

describe("addresses", () => {
  test.each([
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "::ffff:10.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::a00:1",
    "ff02::1",
    "2002:7f00:1::",
    "2001:db8::1",
  ])("%s is private", (address) => expect(isPublic(address)).toBe(false))

  test.each(["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])(
    "%s is public",
    (address) => expect(isPublic(address)).toBe(true),
  )

  test.each([
    "https://2130706433/x.ts",
    "https://0x7f.1/x.ts",
    "https://0177.0.0.1/x.ts",
    "https://127.1/x.ts",
    "https://[::1]/x.ts",
    "https://[::ffff:127.0.0.1]/x.ts",
    "https://localhost/x.ts",
    "https://localhost./x.ts",
  ])("%s is refused however it is written", async (url) => {
    expect(await refusal(checkAddress(url, undefined))).toContain("private address")
  })

  test("credentials in a URL are refused and not repeated", async () => {
    const message = await refusal(checkAddress("https://me:secret@example.com/x.ts", undefined))
    expect(message).toContain("it has credentials in it")
    expect(message).not.toContain("secret")
  })

  test("only a host that the URL names as a private one is let", async () => {
    expect(toPermittedHost("http://127.0.0.1:1/x.ts")).toBe("127.0.0.1")
    expect(toPermittedHost("https://10.0.0.5/x.ts")).toBe("10.0.0.5")
    expect(toPermittedHost("http://localhost/x.ts")).toBe("localhost")
    expect(toPermittedHost("https://example.com/x.ts")).toBeUndefined()
    expect(toPermittedHost("https://1.1.1.1/x.ts")).toBeUndefined()
    await checkAddress("https://10.0.0.5/x.ts", "10.0.0.5")
  })
})
