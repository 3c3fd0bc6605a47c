import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { PluginError } from "@pagoda/sdk"
import { PagodaError } from "../../src/errors.ts"
import { guard } from "../../src/plugins/api-error.ts"
import { createFetchApi } from "../../src/plugins/api-fetch.ts"
import { createLimits, type LimitValues } from "../../src/plugins/limits.ts"

/** What came in, as the server saw it. */
const seen: { path: string; method: string; headers: Record<string, string>; body: string }[] = []
let server: Bun.Server<unknown>
let other: Bun.Server<unknown>

beforeAll(() => {
  const answer = async (request: Request) => {
    const { pathname, searchParams } = new URL(request.url)
    const body = await request.text()
    seen.push({ path: pathname, method: request.method, headers: Object.fromEntries(request.headers), body })
    const to = searchParams.get("to")
    if (to) return new Response(null, { status: Number(searchParams.get("status") ?? 302), headers: { location: to } })
    if (pathname === "/circle") return Response.redirect("/circle")
    if (pathname === "/never") return new Promise<Response>(() => {})
    if (pathname === "/drip") return new Response(drip())
    if (pathname === "/large") return new Response(new Uint8Array(Number(searchParams.get("size"))))
    if (pathname === "/bomb") {
      const headers = { "content-encoding": "gzip" }
      return new Response(Bun.gzipSync(new Uint8Array(1_000_000)), { headers })
    }
    if (pathname === "/cookie") return new Response("baked", { headers: { "set-cookie": "a=b" } })
    return Response.json({ method: request.method, body }, { status: 201, headers: { "x-mine": "yes" } })
  }
  server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer })
  other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer })
})

afterAll(async () => {
  await server.stop(true)
  await other.stop(true)
})

async function* drip() {
  for (;;) {
    yield "drop"
    await Bun.sleep(5)
  }
}

function openFetch(grants: string[] = ["127.0.0.1"], values: Partial<LimitValues> = {}) {
  const limits = createLimits()
  limits.set(new Map([["p", values]]))
  const need = (permission: string) => {
    if (grants.includes(permission.slice(4))) return
    throw new PagodaError("PERMISSION_MISSING", `Plugin "p" was not granted the permission "${permission}"`)
  }
  const fetch = guard(createFetchApi({ limits: limits.of("p"), need }))
  const refused = (url: string, init?: RequestInit) =>
    fetch(url, init).then(
      (response) => `answered ${response.status}`,
      ({ name, code, message }: PluginError) => `${name} ${code} ${message}`,
    )
  return { fetch, refused, limits: limits.of("p") }
}

const at = (path: string, host = "127.0.0.1") => `http://${host}:${server.port}${path}`

test("a granted host is asked, with what the plugin says and nothing of the host's own", async () => {
  const { fetch } = openFetch()
  const response = await fetch(at("/x?y=1"), {
    method: "post",
    body: "hello",
    headers: { "x-a": "1", host: "evil.example", cookie: "mine=1" },
  })
  expect(response.status).toBe(201)
  expect(response.headers.get("x-mine")).toBe("yes")
  expect(await response.json()).toEqual({ method: "POST", body: "hello" })
  const { headers } = seen.at(-1) as (typeof seen)[number]
  expect(headers).toMatchObject({
    "x-a": "1",
    cookie: "mine=1",
    host: `127.0.0.1:${server.port}`,
    "user-agent": "Pagoda",
  })
  expect(headers.authorization).toBeUndefined()
  // no cookie is kept for the next request
  await fetch(at("/cookie"))
  await fetch(at("/after"))
  expect(seen.at(-1)?.headers.cookie).toBeUndefined()
})

describe("is refused:", () => {
  const cases: [what: string, url: () => string, grants: string[], refusal: string][] = [
    [
      "what was not granted",
      () => at("/"),
      ["example.com"],
      'PERMISSION_MISSING Plugin "p" was not granted the permission "net:127.0.0.1"',
    ],
    ["another name of a granted host", () => at("/", "localhost"), ["127.0.0.1"], '"net:localhost"'],
    ["a host below a granted one", () => "https://a.example.com/", ["example.com"], '"net:a.example.com"'],
    ["a granted host with a dot at its end", () => "https://example.com./", ["example.com"], '"net:example.com."'],
    ["another writing of an address", () => `http://2130706433:${server.port}/`, [], '"net:127.0.0.1"'],
    [
      "IPv6 of a granted IPv4 address",
      () => `http://[::ffff:127.0.0.1]:${server.port}/`,
      ["127.0.0.1"],
      '"net:::ffff:7f00:1"',
    ],
    [
      "a name that leads to a private address",
      () => `https://x.localhost:${server.port}/`,
      ["x.localhost"],
      "FETCH_REFUSED",
    ],
    ["plain http off loopback", () => "http://example.com/", ["example.com"], 'plain "http:" is for loopback only'],
    ["credentials in the URL", () => at("/").replace("//", "//me:secret@"), ["127.0.0.1"], "FETCH_REFUSED"],
    ["a file", () => "file:///etc/passwd", [""], "FETCH_REFUSED"],
    ["data", () => "data:text/plain,x", [""], "FETCH_REFUSED"],
    ["no URL", () => "/etc/passwd", [""], "FETCH_REFUSED"],
  ]
  test.each(cases)("%s", async (_, url, grants, refusal) => {
    const before = seen.length
    const message = await openFetch(grants).refused(url())
    expect(message).toContain(refusal)
    expect(message).not.toContain("secret")
    expect(seen).toHaveLength(before)
  })

  test("a socket or a proxy in place of the host", async () => {
    const init = {
      unix: "/run/nothing.sock",
      proxy: "http://127.0.0.1:1",
      tls: { rejectUnauthorized: false },
    } as RequestInit
    expect((await openFetch().fetch(at("/straight"), init)).status).toBe(201)
    expect(seen.at(-1)?.path).toBe("/straight")
  })
})

describe("a redirect", () => {
  test("is followed only to hosts that were granted as well", async () => {
    const to = encodeURIComponent(at("/end", "localhost"))
    expect(await openFetch().refused(at(`/?to=${to}`))).toContain('the permission "net:localhost"')
    expect((await openFetch(["127.0.0.1", "localhost"]).fetch(at(`/?to=${to}`))).status).toBe(201)
    const metadata = encodeURIComponent("http://169.254.169.254/latest")
    expect(await openFetch().refused(at(`/?to=${metadata}`))).toContain("net:169.254.169.254")
    expect(await openFetch().refused(at("/?to=file:///etc/passwd"))).toContain(
      'FETCH_REFUSED Cannot fetch "file:///etc/passwd": "file:" is not allowed',
    )
  })

  test("keeps method and body where 307 and 308 say so, and credentials for their origin alone", async () => {
    const { fetch } = openFetch()
    const init = { method: "POST", body: "hello", headers: { authorization: "Bearer x", "x-a": "1" } }
    await fetch(at("/?to=/end&status=307"), init)
    expect(seen.at(-1)).toMatchObject({
      path: "/end",
      method: "POST",
      body: "hello",
      headers: { authorization: "Bearer x" },
    })
    await fetch(at("/?to=/end&status=303"), init)
    expect(seen.at(-1)).toMatchObject({ path: "/end", method: "GET", body: "" })
    const elsewhere = encodeURIComponent(`http://127.0.0.1:${other.port}/end`)
    await fetch(at(`/?to=${elsewhere}&status=307`), init)
    expect(seen.at(-1)?.headers).toMatchObject({ "x-a": "1" })
    expect(seen.at(-1)?.headers.authorization).toBeUndefined()
  })

  test("without an end is given up; one that is not to be followed is given as it is, or refused", async () => {
    const { refused, fetch } = openFetch()
    expect(await refused(at("/circle"))).toContain("FETCH_FAILED")
    expect(seen.filter(({ path }) => path === "/circle")).toHaveLength(6)
    expect(await refused(at("/?to=/end"), { redirect: "error" })).toContain("FETCH_FAILED")
    expect((await fetch(at("/?to=/end"), { redirect: "manual" })).headers.get("location")).toBe("/end")
  })
})

describe("a limit", () => {
  test("of time holds for a server that never answers, and for one that never ends", async () => {
    for (const path of ["/never", "/drip"]) {
      const { refused, limits } = openFetch(undefined, { fetch_ms: 100 })
      expect(await refused(at(path))).toContain('FETCH_TIMEOUT Cannot fetch "')
      expect(limits.refused.fetch_ms).toBe(1)
    }
  })

  test("of time holds for a body that never ends, whose turn is then free again", async () => {
    const { refused } = openFetch(undefined, { fetch_ms: 100, fetches_at_once: 1 })
    const body = new ReadableStream({ start: (to) => to.enqueue(new Uint8Array(1)) })
    expect(await refused(at("/"), { method: "POST", body })).toContain('FETCH_TIMEOUT Cannot fetch "')
    const signal = AbortSignal.abort(new Error("not wanted any more"))
    expect(await refused(at("/"), { method: "POST", body: new ReadableStream(), signal })).toContain(
      "not wanted any more",
    )
    expect(await refused(at("/"))).toBe("answered 201")
  })

  test("of size holds for what is unpacked", async () => {
    const { refused, fetch, limits } = openFetch(undefined, { fetch_bytes: 10_000 })
    expect((await (await fetch(at("/large?size=10000"))).arrayBuffer()).byteLength).toBe(10_000)
    expect(await refused(at("/large?size=10001"))).toContain("FETCH_TOO_LARGE")
    expect(await refused(at("/bomb"))).toContain("FETCH_TOO_LARGE")
    expect(limits.refused.fetch_bytes).toBe(2)
  })

  test("of how many at once, and a minute", async () => {
    const { refused, limits } = openFetch(undefined, { fetches_at_once: 2, fetches_per_minute: 5 })
    const all = await Promise.all(Array.from({ length: 4 }, () => refused(at("/"))))
    expect(all.filter((each) => each === "answered 201")).toHaveLength(2)
    expect(all.filter((each) => each.includes("LIMIT_EXCEEDED"))).toHaveLength(2)
    expect(await refused(at("/"))).toBe("answered 201")
    expect(await refused(at("/"))).toContain('the limit "fetches_per_minute" of plugin "p" is 5')
    expect(limits.refused).toMatchObject({ fetches_at_once: 2, fetches_per_minute: 1 })
  })

  test("what cannot be reached says so", async () => {
    const free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
    const { port } = free
    await free.stop(true)
    expect(await openFetch().refused(`http://127.0.0.1:${port}/`)).toContain("FETCH_FAILED")
  })
})
