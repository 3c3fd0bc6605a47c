import { afterAll, beforeAll, expect, test } from "bun:test"
import { type Budget, type BudgetOptions, withBudget } from "../../../src/plugins/fetch/budget.ts"
import { type DownloadOptions, download } from "../../../src/plugins/fetch/download.ts"
import { findCredentials, parseCredentials } from "../../../src/plugins/fetch/registry.ts"

let server: ReturnType<typeof Bun.serve>
const seen: [path: string, authorization: string | null][] = []

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch(request) {
      const url = new URL(request.url)
      seen.push([`${url.host}${url.pathname}`, request.headers.get("authorization")])
      if (url.pathname === "/ok") return new Response("bytes")
      if (url.pathname === "/elsewhere") return Response.redirect(`http://localhost:${server.port}/ok`)
      if (url.pathname === "/loop") return Response.redirect("/loop")
      if (url.pathname === "/to-file") return toLocation("file:///etc/hostname")
      if (url.pathname === "/to-nowhere") return toLocation("http://[")
      if (url.pathname === "/500") return new Response("no", { status: 500 })
      if (url.pathname === "/401") return new Response("no", { status: 401 })
      if (url.pathname === "/silent") return new Promise<Response>(() => {})
      if (url.pathname === "/endless")
        return new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(65_536)) }))
      return new Response("no", { status: 404 })
    },
  })
})

afterAll(() => server.stop(true))

const toLocation = (location: string) => new Response(null, { status: 302, headers: { location } })

const get = (path: string, limits: BudgetOptions = {}, options: Partial<DownloadOptions> = {}) =>
  withBudget("npm:x@1.0.0", (budget: Budget) => download(`${server.url.origin}${path}`, { budget, ...options }), limits)

test("download() gives the bytes and tells how many there are", async () => {
  const told: number[] = []
  const bytes = await get("/ok", {}, { onBytes: (received) => void told.push(received) })
  expect(new TextDecoder().decode(bytes)).toBe("bytes")
  expect(told.at(-1)).toBe(5)
})

test("credentials go to their own address only and are dropped on a redirect elsewhere", async () => {
  const credentials = parseCredentials(`//127.0.0.1:${server.port}/:_authToken=secret`, {})
  seen.length = 0
  await get("/elsewhere", {}, { authorize: (url) => findCredentials(url, credentials) })
  expect(seen).toEqual([
    [`127.0.0.1:${server.port}/elsewhere`, "Bearer secret"],
    [`localhost:${server.port}/ok`, null],
  ])
})

test("each way to fail has its own code and message", async () => {
  await expect(get("/none")).rejects.toMatchObject({
    code: "SOURCE_NOT_FOUND",
    message: expect.stringContaining("404"),
  })
  await expect(get("/500")).rejects.toMatchObject({
    code: "SOURCE_UNREACHABLE",
    message: expect.stringContaining("500"),
  })
  await expect(get("/401")).rejects.toThrow('put the credentials of this host into ".npmrc"')
  await expect(get("/loop")).rejects.toThrow("it redirects more than 5 times")
  await expect(get("/endless", { bytes: 1024 * 1024 })).rejects.toMatchObject({
    code: "SOURCE_TOO_LARGE",
    message: expect.stringContaining("more than 1 MiB to download"),
  })
  await expect(get("/silent", { ms: 50 })).rejects.toMatchObject({
    code: "SOURCE_TIMEOUT",
    message: expect.stringContaining("took longer than 0.05 s"),
  })
  await expect(get("/endless", { ms: 50, bytes: Infinity })).rejects.toMatchObject({ code: "SOURCE_TIMEOUT" })
})

test("nothing but http: and https: is asked, whatever a registry names or redirects to", async () => {
  for (const url of ["file:///etc/hostname", "data:,x", "blob:x", "s3://bucket/key", "no address"]) {
    const asked = withBudget("x", (budget) => download(url, { budget }))
    await expect(asked).rejects.toMatchObject({
      code: "SOURCE_UNREACHABLE",
      message: expect.stringContaining('wanted "https:"'),
    })
  }
  await expect(get("/to-file")).rejects.toThrow('it redirects to "file:///etc/hostname", wanted "https:"')
  await expect(get("/to-nowhere")).rejects.toThrow('it redirects to "http://[", which is no URL')
})

test("no message shows what may be a secret in an address", async () => {
  const url = server.url.origin.replace("//", "//user:pass@")
  const asked = withBudget("x", (budget) => download(`${url}/500?token=secret`, { budget }))
  await expect(asked).rejects.toThrow(new RegExp(`"${server.url.origin}/500": the server answers 500$`))
})

test("parseCredentials() reads the forms of .npmrc and the longest address wins", () => {
  const password = Buffer.from("pa ss").toString("base64")
  const credentials = parseCredentials(
    [
      "registry=https://r.example/",
      "; a comment",
      `//r.example/:_authToken=\${TOKEN}`,
      "//r.example/npm/team/:_auth=dXNlcjpwYXNz",
      "//s.example/:username=me",
      `//s.example/:_password="${password}"`,
    ].join("\r\n"),
    { TOKEN: "t" },
  )
  expect(findCredentials("https://r.example/ms/-/ms.tgz", credentials)).toBe("Bearer t")
  expect(findCredentials("https://r.example/npm/team/ms.tgz", credentials)).toBe("Basic dXNlcjpwYXNz")
  expect(findCredentials("https://s.example/x", credentials)).toBe(
    `Basic ${Buffer.from("me:pa ss").toString("base64")}`,
  )
  expect(findCredentials("https://r.example.evil/ms", credentials)).toBeUndefined()
  expect(findCredentials("https://other/r.example/", credentials)).toBeUndefined()
})
