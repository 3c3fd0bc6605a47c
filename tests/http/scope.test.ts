import { describe, expect, test } from "bun:test"
import { t } from "@pagoda/sdk"
import { Elysia } from "elysia"
import { createPluginApp } from "../../src/plugins/mount.ts"
import { cookie, createTestScope, mountTestPlugin, token } from "../support/plugin-app.ts"
import { readProblem } from "../support/problem.ts"

describe("credentials", () => {
  const { request } = mountTestPlugin((app) =>
    app
      .get("/who", ({ user }) => user)
      .get("/static", "static")
      .get("/answer", () => new Response("made"))
      .all("/all", "all")
      .get("/open", ({ user }) => ({ user }), { auth: false })
      .get("/open-static", "open", { auth: false })
      .post("/open", () => "never")
      .group("/group", (group) => group.get("/closed", "closed").get("/open", "open", { auth: false }))
      .guard({ auth: false }, (guarded) => guarded.get("/guarded", "open").get("/shut", "shut", { auth: true }))
      .use(new Elysia().get("/sub", "sub").get("/sub-open", "open", { auth: false } as never))
      .get("/stream", async function* () {
        yield "secret"
      })
      .post("/body", ({ body }) => body, { body: t.Object({ name: t.String() }) })
      // hooks of every kind at once
      .onParse(() => undefined)
      .onTransform(() => {})
      .onBeforeHandle(() => {})
      .onAfterHandle(() => {})
      .get("/hooked", "hooked"),
  )

  const closed = ["/who", "/static", "/answer", "/all", "/group/closed", "/shut", "/sub", "/stream", "/hooked", "/who/"]
  test.each(closed)("GET %s is closed without them", async (path) => {
    const response = await request(path)
    expect(await readProblem(response)).toMatchObject({ status: 401, code: "UNAUTHENTICATED", plugin: "p" })
    expect(response.headers.get("www-authenticate")).toBe("Bearer")
    expect((await request(path, { headers: token })).status).toBe(200)
  })

  test.each(["/open", "/open-static", "/group/open", "/guarded", "/sub-open"])("GET %s is open", async (path) => {
    expect((await request(path)).status).toBe(200)
    expect((await request(path, { headers: { authorization: "Bearer bad" } })).status).toBe(200)
  })

  test("a route is open for its own method alone", async () => {
    expect((await request("/open", { method: "POST" })).status).toBe(401)
    expect((await request("/open", { method: "HEAD" })).status).toBe(200)
    expect((await request("/who", { method: "HEAD" })).status).toBe(401)
    expect((await request("/all", { method: "DELETE" })).status).toBe(401)
  })

  test("are asked for before anything is said about the body", async () => {
    for (const [body, type] of [
      ["{", "application/json"],
      ["{}", "application/json"],
      ["<a/>", "application/xml"],
    ] as const) {
      const response = await request("/body", { method: "POST", body, headers: { "content-type": type } })
      expect(await readProblem(response)).toMatchObject({ code: "UNAUTHENTICATED" })
    }
  })

  test("of a cookie change something only from the same origin", async () => {
    const post = (headers: Record<string, string>) =>
      request("/all", { method: "POST", headers: { ...cookie, ...headers } })
    for (const headers of [
      { origin: "http://evil.example", host: "localhost" },
      { origin: "null" },
      { "sec-fetch-site": "same-site" },
    ]) {
      expect(await readProblem(await post(headers as never))).toMatchObject({ status: 403, code: "ORIGIN_FORBIDDEN" })
    }
    for (const headers of [{ origin: "http://localhost", host: "localhost" }, { "sec-fetch-site": "same-origin" }]) {
      expect((await post(headers as never)).status).toBe(200)
    }
    expect((await request("/all", { headers: { ...cookie, origin: "http://evil.example" } })).status).toBe(200)
    expect(
      (await request("/all", { method: "POST", headers: { ...token, origin: "http://evil.example" } })).status,
    ).toBe(200)
  })

  test("that cannot be checked are no fault of the plugin", async () => {
    const { scope, lines } = createTestScope(async () => {
      throw new Error("the database is away")
    })
    const app = createPluginApp(
      { id: "p", name: "P", version: "1.0.0", routes: (app) => app.get("/x", "x") },
      { scope, settings: {}, apiFor: () => ({}) as never },
    )
    const response = await app.fetch(new Request("http://localhost/api/v2/plugins/p/x", { headers: token }))
    expect(await readProblem(response)).toMatchObject({ status: 500, code: "INTERNAL" })
    expect(lines.join()).toContain("the database is away")
  })

  test("are looked up without reading what else a request holds", async () => {
    const { app } = mountTestPlugin((app) => app.get("/who", ({ user }) => user))
    const made = new Request("http://localhost/api/v2/plugins/p/who?page=1", { headers: { ...token, ...cookie } })
    // what Elysia calls where a route's text says that it wants its headers or cookies
    made.headers.toJSON = () => {
      throw new Error("all headers were read")
    }
    expect((await app.fetch(made)).status).toBe(200)
  })

  test("a plugin's own error handler cannot answer for a caller without them", async () => {
    const { request } = mountTestPlugin((app) => app.onError(() => "fine").get("/x", "x"))
    expect((await request("/x")).status).toBe(401)
  })
})

describe("a request that does not fit", () => {
  const attrs = t.Array(t.Object({ n: t.Number() }))
  const { request } = mountTestPlugin((app) =>
    app
      .post("/body", ({ body }) => body, { body: t.Object({ attrs, name: t.String({ maxLength: 3 }) }) })
      .post("/optional", ({ body }) => body, { body: t.Object({ message: t.Optional(t.String()) }) })
      .post("/text", ({ body }) => body, { body: t.String() })
      .post("/choice", ({ body }) => body, {
        body: t.Object({
          kind: t.Union([t.Literal("a"), t.Literal(2)]),
          other: t.Optional(t.Union([t.Number(), t.Null()])),
        }),
      })
      .get("/query", ({ query }) => query, {
        query: t.Object({ n: t.Integer({ minimum: 1 }), x: t.Optional(t.Number()) }),
      })
      .get("/item/:id", ({ params }) => params, { params: t.Object({ id: t.Integer({ minimum: 1 }) }) }),
  )
  const post = (path: string, body: string, type = "application/json") =>
    request(path, { method: "POST", body, headers: { ...token, "content-type": type } })

  test("is told all its problems at once, each with its path", async () => {
    const problem = await readProblem(
      await post("/body", JSON.stringify({ attrs: [{ n: 1 }, { n: "x" }], name: "long" })),
    )
    expect(problem).toMatchObject({ status: 422, code: "VALIDATION_FAILED", plugin: "p" })
    expect(problem.errors).toEqual([
      { path: "attrs.1.n", message: "Expected number", code: "NUMBER" },
      { path: "name", message: "Expected string length less or equal to 3", code: "STRING_MAX_LENGTH" },
    ])
  })

  test("is told the choices, where there are some", async () => {
    const problem = await readProblem(await post("/choice", JSON.stringify({ kind: "c", other: "x" })))
    expect(problem.errors).toEqual([
      { path: "kind", message: 'Expected one of "a", 2', code: "UNION" },
      { path: "other", message: "Expected union value", code: "UNION" },
    ])
  })

  test("names what is missing, of the wrong type and of the wrong length by different codes", async () => {
    const codes = await Promise.all(
      [{}, { name: 1 }, { name: "long" }].map(async (body) => {
        const { errors } = await readProblem(await post("/body", JSON.stringify({ attrs: [], ...body })))
        return errors?.[0]?.code
      }),
    )
    expect(codes).toEqual(["OBJECT_REQUIRED_PROPERTY", "STRING", "STRING_MAX_LENGTH"])
  })

  test("is 400 when the body is no JSON", async () => {
    expect(await readProblem(await post("/body", "{"))).toMatchObject({ status: 400, code: "BODY_INVALID" })
  })

  test.each(["application/xml", "text/plain", "text/html", "application/octet-stream", "application/javascript"])(
    "is 415 when the body is %s",
    async (type) => {
      const problem = await readProblem(await post("/optional", "<a/>", type))
      expect(problem).toMatchObject({ status: 415, code: "MEDIA_TYPE_UNSUPPORTED" })
    },
  )

  test("every spelling of JSON is taken, and a form and a text where the route takes one", async () => {
    for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]) {
      expect(await (await post("/optional", `{"message":"hi"}`, type)).json()).toEqual({ message: "hi" })
    }
    const form = await post("/optional", "message=hi", "application/x-www-form-urlencoded")
    expect(await form.json()).toEqual({ message: "hi" })
    expect(await (await post("/text", "plain", "text/plain")).text()).toBe("plain")
  })

  test("numbers in the query and the path are numbers, and problems with them have their path", async () => {
    expect(await (await request("/query?n=3&x=-1.5", { headers: token })).json()).toEqual({ n: 3, x: -1.5 })
    expect(await (await request("/item/7", { headers: token })).json()).toEqual({ id: 7 })
    for (const [path, name] of [
      ["/query?n=0", "n"],
      ["/query?n=1.5", "n"],
      ["/query?n=abc", "n"],
      ["/query", "n"],
      ["/item/0", "id"],
      ["/item/x", "id"],
    ] as const) {
      const problem = await readProblem(await request(path, { headers: token }))
      expect(problem).toMatchObject({ status: 422, errors: [{ path: name }] })
    }
  })

  test("is 413 when the body is too large, told or not", async () => {
    const large = `"${"x".repeat(17 * 1024 * 1024)}"`
    for (const length of [{ "content-length": String(large.length) }, {}] as Record<string, string>[]) {
      const headers = { ...token, "content-type": "application/json", ...length }
      const response = await request("/body", { method: "POST", body: large, headers })
      expect(await readProblem(response)).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" })
    }
  })

  test("is 405 with the methods that are there", async () => {
    const response = await request("/body/", { headers: token })
    expect(await readProblem(response)).toMatchObject({ status: 405, code: "METHOD_NOT_ALLOWED" })
    expect(response.headers.get("allow")).toBe("POST")
    const item = await request("/item/3", { method: "DELETE", headers: token })
    expect(item.status).toBe(405)
    expect(item.headers.get("allow")).toBe("GET, HEAD")
  })

  test("is 404 where there is nothing", async () => {
    expect(await readProblem(await request("/nothing"))).toMatchObject({ status: 404, code: "NOT_FOUND" })
  })
})
