import { describe, expect, test } from "bun:test"
import { connect } from "node:net"
import { t } from "@pagoda/sdk"
import { serveLimited } from "../support/limited-app.ts"
import { readProblem } from "../support/problem.ts"

const open = { auth: false } as const

describe("a body", () => {
  const serve = () =>
    serveLimited(
      (app) =>
        app
          .post("/json", ({ body }) => body.text.length, { ...open, body: t.Object({ text: t.String() }) })
          .post("/raw", async ({ request }) => (await request.arrayBuffer()).byteLength, { ...open, parse: "none" })
          .post("/ignored", () => "fine", open),
      { body_bytes: 1_000 },
    )

  test("that is as long as the limit says passes", async () => {
    await using app = serve()
    expect(await (await app.ask("/raw", { method: "POST", body: "x".repeat(1_000) })).text()).toBe("1000")
    const body = new ReadableStream({
      start(controller) {
        for (let part = 0; part < 10; part++) controller.enqueue(new Uint8Array(100))
        controller.close()
      },
    })
    expect(await (await app.ask("/raw", { method: "POST", body })).text()).toBe("1000")
  })

  test.each(["/json", "/raw", "/ignored"])("that says it is longer is refused before it is read: %s", async (path) => {
    await using app = serve()
    const headers = { "content-type": "application/json" }
    const body = JSON.stringify({ text: "x".repeat(1_000) })
    const problem = await readProblem(await app.ask(path, { method: "POST", body, headers }))
    expect(problem).toMatchObject({ status: 413, code: "BODY_TOO_LARGE", plugin: "p" })
    expect(problem.detail).toContain('the limit "body_bytes" of plugin "p" is 1000')
    expect(app.limits.refused.body_bytes).toBe(1)
    expect(app.failures).toEqual([])
  })

  test.each(["/json", "/raw"])("that does not say how long it is, is cut: %s", async (path) => {
    await using app = serve()
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ < 100) controller.enqueue(new TextEncoder().encode(`{"text": "${"x".repeat(1_000)}`))
        else controller.close()
      },
    })
    const headers = { "content-type": "application/json" }
    const problem = await readProblem(await app.ask(path, { method: "POST", body, headers }))
    expect(problem).toMatchObject({ status: 413, code: "BODY_TOO_LARGE", plugin: "p" })
    expect(app.limits.refused.body_bytes).toBe(1)
  })
})

describe("an answer", () => {
  const long = "x".repeat(2_000)
  const stream = (chunks: number) =>
    new ReadableStream({
      start(controller) {
        for (let part = 0; part < chunks; part++) controller.enqueue(new Uint8Array(100))
        controller.close()
      },
    })
  const serve = () =>
    serveLimited(
      (app) =>
        app
          .get("/text", () => long, open)
          .get("/json", () => ({ long }), open)
          .get("/promised", async () => ({ long }), open)
          .get("/response", () => new Response(long), open)
          .get("/bytes", () => new Response(new Uint8Array(2_000)), open)
          .get("/blob", () => new Response(new Blob([long])), open)
          .get("/declared", () => new Response(stream(1), { headers: { "content-length": "2000" } }), open)
          .get("/stream", () => new Response(stream(20), { headers: { "x-mine": "1" } }), open)
          .get("/short-stream", () => new Response(stream(10), { headers: { "x-mine": "1" } }), open)
          .get(
            "/generated",
            async function* () {
              for (let part = 0; part < 20; part++) yield "x".repeat(100)
            },
            open,
          )
          .get(
            "/short-generated",
            async function* () {
              for (let part = 0; part < 10; part++) yield `${"é".repeat(49)}${part} `
            },
            open,
          )
          .get("/events", () => new Response(stream(20), { headers: { "content-type": "text/event-stream" } }), open)
          .get("/nothing", () => new Response(null, { status: 204 }), open)
          .get("/short", () => "x".repeat(999), open),
      { answer_bytes: 1_000 },
    )

  test.each(["/text", "/json", "/promised", "/response", "/bytes"])(
    "that is in memory and too long is refused before its first byte: %s",
    async (path) => {
      await using app = serve()
      const problem = await readProblem(await app.ask(path))
      expect(problem).toMatchObject({ status: 500, code: "ANSWER_TOO_LARGE", plugin: "p" })
      expect(app.limits.refused.answer_bytes).toBe(1)
      expect(app.failures).toHaveLength(1)
    },
  )

  test.each(["/blob", "/stream", "/generated", "/declared"])("that is a stream is cut: %s", async (path) => {
    await using app = serve()
    const read = async () => (await (await app.ask(path)).arrayBuffer()).byteLength
    const size = await read().catch(() => 0)
    expect(size).toBeLessThan(1_001)
    expect(app.limits.refused.answer_bytes).toBe(1)
    expect(app.failures).toHaveLength(1)
  })

  test("that is short enough, an event stream, or nothing, passes as it is", async () => {
    await using app = serve()
    expect((await (await app.ask("/short")).text()).length).toBe(999)
    const streamed = await app.ask("/short-stream")
    expect(streamed.headers.get("x-mine")).toBe("1")
    expect((await streamed.arrayBuffer()).byteLength).toBe(1_000)
    const generated = await (await app.ask("/short-generated")).text()
    expect([generated.length, generated.slice(-3)]).toEqual([510, "é9 "])
    expect((await (await app.ask("/events")).arrayBuffer()).byteLength).toBe(2_000)
    expect((await app.ask("/nothing")).status).toBe(204)
    expect(app.limits.refused.answer_bytes).toBe(0)
  })
})

describe("a route", () => {
  const serve = () =>
    serveLimited(
      (app) =>
        app
          .get("/never", () => new Promise(() => {}), open)
          .get("/quick", async () => "quick", open)
          .post("/body", async ({ request }) => (await request.text()).length, { ...open, parse: "none" }),
      { route_ms: 200 },
    )

  test("that does not answer in time is answered for, and that is its plugin's failure", async () => {
    await using app = serve()
    const problem = await readProblem(await app.ask("/never"))
    expect(problem).toMatchObject({ status: 504, code: "ROUTE_TIMEOUT", plugin: "p" })
    expect(problem.detail).toStartWith("Cannot answer GET /api/v2/plugins/p/never in time: ")
    expect(app.failures).toHaveLength(1)
    expect(await (await app.ask("/quick")).text()).toBe("quick")
    expect(app.limits.refused.route_ms).toBe(1)
  })

  test("is not to blame for a client that is slow to send its body", async () => {
    await using app = serve()
    const answered = Promise.withResolvers<string>()
    const socket = connect(app.port, "127.0.0.1")
    socket.on("data", (data) => answered.resolve(String(data)))
    socket.on("error", answered.reject)
    socket.write("POST /api/v2/plugins/p/body HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1")
    expect(await answered.promise).toStartWith("HTTP/1.1 504")
    socket.destroy()
    expect(app.failures).toEqual([])
  })
})
