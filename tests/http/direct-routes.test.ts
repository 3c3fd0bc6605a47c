import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { connect } from "node:net"
import type { PluginDefinition } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import { createCore } from "../../src/http/core.ts"
import { createDirectTable } from "../../src/http/direct-table.ts"
import { createDispatch } from "../../src/http/dispatch.ts"
import { createRouteMeter } from "../../src/http/route-meter.ts"
import { createScope } from "../../src/http/scope.ts"
import { type Server, startServer } from "../../src/http/server.ts"
import { createLog } from "../../src/log.ts"
import { createLimits } from "../../src/plugins/limits.ts"
import { createPluginApp } from "../../src/plugins/mount.ts"
import { until } from "../support/hooks.ts"
import { alice } from "../support/jobs.ts"
import { token } from "../support/plugin-app.ts"
import { readProblem } from "../support/problem.ts"

const log = createLog({ level: "error", format: "json", write: () => {} })
const meter = createRouteMeter()
const failures: string[] = []
const scope = createScope({
  log,
  meter,
  authenticate: (headers) =>
    headers.get("authorization") === token.authorization ? { user: alice, via: "token" } : null,
  onPluginFailure: (plugin) => void failures.push(plugin),
})
const limits = createLimits()
limits.set(new Map([["p", { answer_bytes: 1000 }]]))
const apps = new Map<string, AnyElysia>()
let server: Server
/** The same apps, where Bun's router knows none of their routes. */
let other: Bun.Server<unknown>

/** What a route tells of how it was found: only Bun's router gives a request its parameters. */
const how = ({ request }: { request: Request }) => ("params" in request ? "direct" : "dispatched")

function mount(id: string, routes: PluginDefinition["routes"]): AnyElysia {
  const definition = { id, name: id, version: "1.0.0", routes }
  return createPluginApp(definition, { scope, settings: {}, apiFor: () => ({}) as never, limits: limits.of(id) })
}

const get = async (path: string, init?: RequestInit) => fetch(`${server.url}/api/v2/plugins/${path}`, init)
const textOf = async (path: string) => (await get(path)).text()

/** Adds it, and waits until Bun's router knows it: it has a route `/how`. */
async function add(id: string, routes: PluginDefinition["routes"]): Promise<void> {
  apps.set(id, mount(id, routes))
  await until(async () => (await textOf(`${id}/how`)) === "direct")
}

beforeAll(async () => {
  const core = createCore()
  scope.prepare(core)
  scope.seal(core, { contextOf: (user) => ({ user }) })
  server = startServer({ host: "127.0.0.1", port: 0, core, plugins: apps, log })
  other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: createDispatch({ core, plugins: apps }) })
  await add("p", (app) =>
    app
      .get("/how", how, { auth: false })
      .get("/say/:word", ({ params }) => `said ${params.word}`, { auth: false })
      .post("/say/:word", ({ params }) => `posted ${params.word}`, { auth: false })
      .get("/say/nothing", () => "said nothing", { auth: false })
      .get("/:one/of/:two", ({ params }) => `${params.one} of ${params.two}`, { auth: false })
      .get("/address/:x", ({ request, path }) => `${new URL(request.url).pathname} ${path}`, { auth: false })
      .get("/query", ({ query }) => query, { auth: false })
      .get("/closed/:x", ({ user, params }) => `${user.username} ${params.x}`)
      .get("/fails", () => {
        throw new Error("secret")
      })
      .get("/refuses/:x", ({ status, params }) => status(409, { error: `no ${params.x}` }), { auth: false })
      .get("/long", () => ({ text: "x".repeat(2000) }), { auth: false }),
  )
})

afterAll(async () => {
  await server.stop()
  await other.stop(true)
})

/** Sends a request line and a host as they are: no client would. */
function send(port: number, line: string, host: string | undefined): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(port, "127.0.0.1")
  let answer = ""
  socket.on("data", (chunk) => {
    answer += chunk
  })
  socket.on("end", () => resolve(answer.replace(/^date: .*\r\n/im, "")))
  socket.on("error", reject)
  const lines = [line, ...(host === undefined ? [] : [`Host: ${host}`]), "Connection: close"]
  socket.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"))
  return promise
}

const targets = [
  ...["say/hello", "say/nothing", "say/nothing/", "say/hello/", "say/", "say", "say//", "say/a/b", "say/a%2Fb"],
  ...["say/%20", "say/a+b", "say/%C3%A4", "say/\u00e4", "say/\u00ff", "say/%ff", "say/%zz", "say/100%", "say/%"],
  ...["say/%EF%BF%BD", "say/..", "say/.", "say/...", "say/.hidden", "say/%2e%2e", "say/%2E", "say/..%2f", "say/a\\b"],
  ...["say/a%5Cb", "say/a;b", "say/a#b", "say/a?b", "say/a?b=%ff", "say/%00", "say/a%09b", "say/%0d%0a", "s%61y/x"],
  ...["say/:word", "say/*", "../p/say/x", "x/of/y", "say/of/y", "x/of/..", "../of/x", "x/of/", "/of/y", "x/OF/y"],
  ...["address/x", "address/x?y", "address/%41", "query?a=1&a=2", "query?a=%ff", "query", "query?", "unknown"],
  ...["closed/x", "refuses/me", "refuses/%2e", "long", "SAY/x", "say/constructor", "say/__proto__"],
]

describe("what Bun's router finds is answered as what we find", () => {
  test.each(targets)("GET %s", async (target) => {
    const direct = Number(new URL(server.url).port)
    const ask = (port: number, method: string) => send(port, `${method} /api/v2/plugins/p/${target} HTTP/1.1`, "pagoda")
    for (const method of ["GET", "POST", "OPTIONS"]) {
      expect(await ask(direct, method)).toBe(await ask(other.port as number, method))
    }
    const [whole, head] = await Promise.all([ask(direct, "GET"), ask(direct, "HEAD")])
    const toStatus = (answer: string) => answer.split("\r\n", 1)[0]
    expect(toStatus(head)).toBe(toStatus(whole))
  })

  test.each(["x/y", "a b", "x?y", "[", "a:99999", "1.2.3.4.5", ""])("with the host %p", async (host) => {
    const direct = Number(new URL(server.url).port)
    for (const target of ["address/x", "query?a=1", "how"]) {
      const line = `GET /api/v2/plugins/p/${target} HTTP/1.1`
      const answers = await Promise.all([send(direct, line, host), send(other.port as number, line, host)])
      for (const answer of answers) expect(answer).toContain("HOST_INVALID")
    }
  })

  test("without a host in HTTP/1.0", async () => {
    const line = "GET /api/v2/plugins/p/address/x HTTP/1.0"
    const answer = await send(Number(new URL(server.url).port), line, undefined)
    expect(answer).toEndWith("/api/v2/plugins/p/address/x /api/v2/plugins/p/address/x")
  })
})

describe("a route that Bun's router finds", () => {
  test("asks for credentials unless it is open", async () => {
    expect(await readProblem(await get("p/closed/x"))).toMatchObject({ status: 401, code: "UNAUTHENTICATED" })
    expect(await (await get("p/closed/x", { headers: token })).text()).toBe("alice x")
  })

  test("fails with a problem document, which counts as a failure of its plugin", async () => {
    const before = failures.length
    const problem = await readProblem(await get("p/fails", { headers: token }))
    expect(problem).toMatchObject({ status: 500, plugin: "p" })
    expect(JSON.stringify(problem)).not.toContain("secret")
    expect(failures.slice(before)).toEqual(["p"])
  })

  test("is kept to its limits", async () => {
    expect(await readProblem(await get("p/long"))).toMatchObject({ status: 500, plugin: "p" })
  })

  test("is counted once, under its own name", async () => {
    const count = () => {
      const calls = [...meter.all()].filter(({ plugin }) => plugin === "p")
      const of = (name: string) => calls.find(({ route }) => route.endsWith(name))?.answers.reduce((a, b) => a + b) ?? 0
      return {
        all: calls.reduce((sum, { answers }) => sum + answers.reduce((a, b) => a + b), 0),
        say: of("/say/:word"),
      }
    }
    const before = count()
    await textOf("p/say/x")
    await textOf("p/say/%ff")
    await textOf("p/say/%EF%BF%BD")
    const after = count()
    expect(after.all - before.all).toBe(2)
    expect(after.say - before.say).toBe(2)
  })
})

test("a plugin that comes, is swapped or goes does so at once", async () => {
  const route = (text: string): PluginDefinition["routes"] => {
    return (app) => app.get("/how", how, { auth: false }).get("/say/:x", () => text, { auth: false })
  }
  await add("late", route("first"))
  expect(await textOf("late/say/x")).toBe("first")
  apps.set("late", mount("late", route("second")))
  expect(await textOf("late/say/x")).toBe("second")
  await until(async () => (await textOf("late/how")) === "direct")
  expect(await textOf("late/say/x")).toBe("second")
  apps.delete("late")
  server.leave("late")
  expect((await get("late/say/x")).status).toBe(404)
  await add("late", route("third"))
  expect(await textOf("late/say/x")).toBe("third")
})

test("a server that stops takes no more routes", async () => {
  const app = mount("last", (app) => app.get("/how", how, { auth: false }))
  const published: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const stopped = createDirectTable(new Map([["last", app]]), Response.error, () => published.push("stopped"))
  const open = createDirectTable(new Map([["last", app]]), Response.error, () => resolve())
  stopped.close()
  stopped.add("last", app)
  open.add("last", app)
  await promise
  expect(published).toEqual([])
})

test("sockets go on while routes come", async () => {
  await add("socket", (app) =>
    app
      .get("/how", how, { auth: false })
      .ws("/talk", { message: (socket, message) => void socket.send(message) })
      .get("/talk", () => "no socket", { auth: false }),
  )
  const address = `${server.url.replace("http", "ws")}/api/v2/plugins/socket/talk`
  const socket = new WebSocket(address, { headers: token } as never)
  const next = (event: string) =>
    new Promise<MessageEvent>((resolve) => socket.addEventListener(event, resolve as never, { once: true }))
  await next("open")
  await add("another", (app) => app.get("/how", how, { auth: false }))
  const answer = next("message")
  socket.send("hello")
  expect((await answer).data).toBe("hello")
  expect(await textOf("socket/talk")).toBe("no socket")
  socket.close()
})

test("an app that looks at every request, or takes whatever comes, has no parameters found for it", async () => {
  const found = async (id: string, routes: PluginDefinition["routes"]) => {
    const app = mount(id, routes)
    const { promise, resolve } = Promise.withResolvers<string[]>()
    const table = createDirectTable(new Map([[id, app]]), Response.error, (made) => resolve(Object.keys(made)))
    table.add(id, app)
    const paths = await promise
    table.close()
    return paths.map((path) => path.slice(`/api/v2/plugins/${id}`.length))
  }
  expect(await found("plain", (app) => app.get("/a", how).get("/:b", how).post("/c", how))).toEqual(["/a", "/:b"])
  expect(await found("wild", (app) => app.get("/a", how).get("/:b", how).get("/*", how))).toEqual(["/a"])
  expect(await found("optional", (app) => app.get("/a", how).get("/b/:c?", how))).toEqual(["/a"])
  expect(await found("heads", (app) => app.get("/a", how).get("/:b", how).head("/:b", how))).toEqual(["/a"])
  expect(await found("watched", (app) => app.onRequest(() => {}).get("/a", how))).toEqual([])
  const many = (app: AnyElysia) => {
    for (let route = 0; route < 501; route++) app.get(`/${route}`, how as never)
    return app
  }
  expect(await found("many", many as never)).toEqual([])
})
