import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import type { AnyElysia } from "elysia"
import { type CoreApp, createCore } from "../../src/http/core.ts"
import { type Server, startServer } from "../../src/http/server.ts"
import { createLog } from "../../src/log.ts"
import { createPluginApp } from "../../src/plugins/mount.ts"
import { createTestScope, token } from "../support/plugin-app.ts"
import { readProblem } from "../support/problem.ts"

const log = createLog({ level: "error", format: "json" })
const { scope } = createTestScope()
const apps = new Map<string, AnyElysia>()
let server: Server

beforeAll(() => {
  const core = createCore()
  scope.prepare(core)
  const routes = core as unknown as CoreApp
  routes.get("/health/live", () => "core live", { auth: false })
  routes.get("/api/v2/me", () => "core me")
  routes.get("/api/v2/plugins/:id", ({ params }) => `record ${params.id}`, { auth: false })
  scope.seal(core, { contextOf: (user) => ({ user }) })
  for (const id of ["a", "b"]) apps.set(id, mount(id))
  server = startServer({ host: "127.0.0.1", port: 0, core, plugins: apps, log })
})

afterAll(() => server.stop())

function mount(id: string): AnyElysia {
  return createPluginApp(
    {
      id,
      name: id,
      version: "1.0.0",
      routes: (app) =>
        app
          .get("/open", () => `open of ${id}`, { auth: false })
          .get("/live", () => `live of ${id}`, { auth: false })
          .get(
            "/stream",
            async function* () {
              yield "first"
              await new Promise(() => {})
            },
            { auth: false },
          )
          .get("/*", ({ request }) => `rest of ${id}: ${new URL(request.url).pathname}`, { auth: false })
          .ws("/socket", {
            message(socket, message) {
              if (message === "boom") throw new Error("boom")
              socket.send(message)
            },
          }),
    },
    { scope, settings: {}, apiFor: () => ({}) as never },
  )
}

/** Sends a request line and a host as they are: no client would. */
function send(target: string, host: string | undefined, version = "1.1"): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1")
  let answer = ""
  socket.on("data", (chunk) => {
    answer += chunk
  })
  socket.on("end", () => resolve(answer))
  socket.on("error", reject)
  const lines = [`GET ${target} HTTP/${version}`, ...(host === undefined ? [] : [`Host: ${host}`]), "Connection: close"]
  socket.write(`${lines.join("\r\n")}\r\n\r\n`)
  return promise
}

describe("the path of a request", () => {
  test.each([
    ["/api/v2/plugins/a/open", "pagoda", 200, "open of a"],
    ["/api/v2/plugins/a/open?/api/v2/plugins/b/open", "pagoda", 200, "open of a"],
    ["http://evil.example/api/v2/plugins/a/open", "pagoda", 200, "open of a"],
    ["/api/v2/plugins/a", "pagoda", 200, "record a"],
    ["/api/v2/plugins/a/", "pagoda", 200, "record a"],
    ["/api/v2/plugins/a/?x", "pagoda", 200, "record a"],
    ["/api/v2/plugins/a?x=/", "pagoda", 200, "record a"],
    ["/api/v2/plugins/a%2Fopen", "pagoda", 200, "record a/open"],
    ["/api/v2/plugins/a/../b/open", "pagoda", 200, "open of b"],
    ["/api/v2/plugins/a/../../../../health/live", "pagoda", 200, "core live"],
    ["/api/v2/plugins/a/../../me", "pagoda", 401, "UNAUTHENTICATED"],
    ["/api/v2/plugins/a/%2e%2e/b/open", "pagoda", 200, "open of b"],
    ["/api/v2/plugins/a/..%2f..%2fme", "pagoda", 200, "rest of a"],
    ["/api/v2/plugins/a//open", "pagoda", 200, "rest of a"],
    ["/api/v2/plugins/a/100%25", "pagoda", 200, "rest of a"],
    ["/api/v2/plugins/a/100%", "pagoda", 400, "PATH_INVALID"],
    ["/api/v2/plugins/a/%E0%A4%A", "pagoda", 400, "PATH_INVALID"],
    ["/api/v2/plugins/%FF", "pagoda", 400, "PATH_INVALID"],
    ["/api/v2/plugins/a/open?x=100%", "pagoda", 200, "open of a"],
    ["/api/v2/plugins//open", "pagoda", 404, "NOT_FOUND"],
    ["//api/v2/plugins/a/open", "pagoda", 404, "NOT_FOUND"],
    ["/api/v2//plugins/a/open", "pagoda", 404, "NOT_FOUND"],
    ["/API/v2/plugins/a/open", "pagoda", 404, "NOT_FOUND"],
    ["/api/v2/plugins/%61/open", "pagoda", 404, "NOT_FOUND"],
    ["/api/v2/plugins/A/open", "pagoda", 404, "NOT_FOUND"],
    ["/api/v2/plugins/__proto__/open", "pagoda", 404, "NOT_FOUND"],
    ["/api/v2/plugins/none/open", "pagoda", 404, "NOT_FOUND"],
    ["/health/live", "nas", 200, "core live"],
    ["/health/live", "a", 200, "core live"],
    ["/live", "health", 404, "NOT_FOUND"],
    ["/open", "x/api/v2/plugins/a", 400, "HOST_INVALID"],
    ["/open", "x?/api/v2/plugins/a", 400, "HOST_INVALID"],
    ["/aaaaaa/health/live", "a b", 400, "HOST_INVALID"],
    ["/health/live", "", 400, "HOST_INVALID"],
    ["/api/v2/plugins/a/rest", "a:99999", 400, "HOST_INVALID"],
    ["/api/v2/plugins/a/rest", "[", 400, "HOST_INVALID"],
    ["/api/v2/plugins/a/rest", "[::1]:80", 200, "rest of a"],
  ])("%s of the host %p gets %d, %s", async (target, host, status, text) => {
    const answer = await send(target, host)
    expect(answer).toStartWith(`HTTP/1.1 ${status} `)
    expect(answer).toContain(text)
    if (status >= 400) expect(answer.toLowerCase()).toContain("content-type: application/problem+json")
  })

  test("needs no host in HTTP/1.0", async () => {
    expect(await send("/health/live", undefined, "1.0")).toContain("core live")
    expect(await send("/api/v2/plugins/a/open", undefined, "1.0")).toContain("open of a")
  })
})

test("a plugin that is not active is 404, with or without credentials", async () => {
  for (const headers of [{}, token] as Record<string, string>[]) {
    const problem = await readProblem(await fetch(`${server.url}/api/v2/plugins/gone/open`, { headers }))
    expect(problem).toMatchObject({ status: 404, code: "NOT_FOUND" })
  }
})

test("plugins whose ids begin alike are told apart, whichever was asked last", async () => {
  const ids = ["same", "same-but-longer", "sam"]
  for (const id of ids) apps.set(id, mount(id))
  for (const id of [...ids, ...ids.toReversed(), "same", "same"]) {
    expect(await (await fetch(`${server.url}/api/v2/plugins/${id}/open`)).text()).toBe(`open of ${id}`)
  }
  expect(await (await fetch(`${server.url}/api/v2/plugins/same?q=1`)).text()).toBe("record same")
  expect((await fetch(`${server.url}/api/v2/plugins/sa/open`)).status).toBe(404)
  for (const id of ids) apps.delete(id)
})

test("a plugin that comes, is swapped or goes does so at once", async () => {
  const get = async () => (await fetch(`${server.url}/api/v2/plugins/late/open`)).status
  expect(await get()).toBe(404)
  apps.set("late", mount("late"))
  expect(await get()).toBe(200)
  apps.set("late", mount("late"))
  expect(await get()).toBe(200)
  apps.delete("late")
  expect(await get()).toBe(404)
})

describe("a socket of a plugin", () => {
  const open = (headers: Record<string, string>) => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v2/plugins/a/socket`, { headers } as never)
    const next = () =>
      new Promise<string>((resolve, reject) => {
        socket.onmessage = ({ data }) => resolve(String(data))
        socket.onclose = ({ code }) => resolve(`closed ${code}`)
        socket.onerror = (event) => reject((event as ErrorEvent).message)
      })
    const opened = new Promise<string>((resolve) => {
      socket.onopen = () => resolve("open")
      socket.onerror = (event) => resolve((event as ErrorEvent).message)
    })
    return { socket, next, opened }
  }

  test("is refused without credentials", async () => {
    expect(await open({}).opened).toContain("401")
  })

  test("speaks, says what fails as a message, and is closed when its plugin leaves", async () => {
    const { socket, next, opened } = open(token)
    expect(await opened).toBe("open")
    socket.send("hello")
    expect(await next()).toBe("hello")
    socket.send("boom")
    expect(JSON.parse(await next())).toMatchObject({ code: "PLUGIN_FAILED", status: 500, plugin: "a" })
    const closed = next()
    server.leave("b")
    server.leave("a")
    expect(await closed).toBe("closed 1012")
  })

  test("of a cookie is refused from another origin", async () => {
    expect(await open({ cookie: "session=good", origin: "http://evil.example" }).opened).toContain("403")
  })
})

test("a port that is in use is told with the flag that mends it", async () => {
  const other = createServer().listen(0, "127.0.0.1")
  await once(other, "listening")
  const { port } = other.address() as AddressInfo
  const start = () => startServer({ host: "127.0.0.1", port, core: createCore(), plugins: new Map(), log })
  expect(start).toThrow(new RegExp(`^Cannot listen on "127.0.0.1:${port}": .*"--port"`))
  other.close()
})

test("stop() does not wait without end for a stream", async () => {
  const other = startServer({ host: "127.0.0.1", port: 0, core: createCore(), plugins: apps, log, graceMs: 50 })
  const response = await fetch(`${other.url}/api/v2/plugins/a/stream`)
  const reader = response.body?.getReader()
  await reader?.read()
  await other.stop()
  await reader?.cancel().catch(() => {})
  expect(fetch(other.url)).rejects.toThrow()
})
