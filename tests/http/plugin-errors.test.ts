import { describe, expect, test } from "bun:test"
import { type Api, PluginError, PluginValidationError, t } from "@pagoda/sdk"
import { NotFoundError } from "elysia"
import { PagodaError } from "../../src/errors.ts"
import { createApiFor } from "../../src/plugins/api.ts"
import { createLimits } from "../../src/plugins/limits.ts"
import { mountTestPlugin, token } from "../support/plugin-app.ts"
import { readProblem } from "../support/problem.ts"

const html = { "content-type": "text/html" }

describe("an error of a plugin's route", () => {
  const { request, lines } = mountTestPlugin((app) =>
    app
      .get("/own", () => {
        throw new PluginError("the sheet is empty", { code: "SHEET_EMPTY" })
      })
      .get("/kind", () => {
        throw new PluginValidationError("no header", { path: "rows.0" })
      })
      .get("/posing", () => {
        throw new PluginError("posing", { code: "VALIDATION" })
      })
      .get("/bug", () => {
        throw new Error("password is hunter2")
      })
      .get("/thrown", () => {
        throw "a text"
      })
      .get("/nothing", () => {
        throw null
      })
      .get("/trap", () => {
        const no = () => {
          throw new Error("hunter2")
        }
        throw new Proxy({}, { get: no, getPrototypeOf: no, has: no, ownKeys: no })
      })
      .get("/symbol", () => {
        throw Symbol("hunter2")
      })
      .get("/missing", () => {
        throw new NotFoundError()
      })
      .get("/answer", ({ user }) => user as never, { response: t.Object({ absent: t.String() }) })
      .get("/status", ({ status }) => status(404, { error: "no sheet", sheet: 3 }))
      .get("/coded", ({ status }) => status(409, { code: "SHEET_BUSY", detail: "busy", status: "x", plugin: "other" }))
      .get("/raised", ({ status }) => {
        throw status(403, { reason: "locked" })
      })
      .get("/html", () => new Response("<h1>Oh no</h1>", { status: 500, headers: { ...html, "x-sheet": "3" } }))
      .get("/text", () => new Response("try later", { status: 503, headers: { "retry-after": "3" } }))
      .get("/list", ({ status }) => status(422, ["a", "b"]))
      .get("/empty", () => new Response(null, { status: 418 }))
      .get("/long", () => new Response("x".repeat(100_000), { status: 400 }))
      .get("/problem", () =>
        Response.json(
          { type: "about:blank", title: "Mine" },
          { status: 404, headers: { "content-type": "application/problem+json" } },
        ),
      )
      .get(
        "/broken",
        () =>
          new Response(new ReadableStream({ pull: (c) => c.error(new Error("torn")) }), {
            status: 400,
            headers: { "content-type": "text/plain" },
          }),
      ),
  )
  const problemOf = async (path: string) => readProblem(await request(path, { headers: token }))

  test("is 400 with its own code when it is a PluginError", async () => {
    expect(await problemOf("/own")).toMatchObject({
      status: 400,
      code: "SHEET_EMPTY",
      detail: "the sheet is empty",
      plugin: "p",
    })
    expect(await problemOf("/kind")).toMatchObject({
      status: 400,
      code: "PLUGIN_VALIDATION",
      errors: [{ path: "rows.0" }],
    })
    expect(await problemOf("/posing")).toMatchObject({ status: 400, code: "VALIDATION" })
  })

  test.each(["/bug", "/thrown", "/nothing", "/trap", "/symbol", "/answer", "/broken"])(
    "is 500 without a word of it when %s throws anything else",
    async (path) => {
      const response = await request(path, { headers: token })
      const text = await response.clone().text()
      expect(await readProblem(response)).toMatchObject({ status: 500, code: "PLUGIN_FAILED", plugin: "p" })
      expect(text).not.toMatch(/hunter2|plugin-errors|\bat\b.*:\d+|torn|a text/)
    },
  )

  test("leaves its stack in the log, with the plugin", async () => {
    await problemOf("/bug")
    const line = JSON.parse(lines.findLast((text) => text.includes("hunter2")) ?? "")
    expect(line).toMatchObject({
      level: "error",
      plugin: "p",
      error: expect.stringMatching(/plugin-errors\.test\.ts:\d+/),
    })
  })

  test("is a problem document with the members of its own body beside", async () => {
    expect(await problemOf("/status")).toMatchObject({
      status: 404,
      code: "NOT_FOUND",
      detail: "no sheet",
      error: "no sheet",
      sheet: 3,
      plugin: "p",
    })
    expect(await problemOf("/coded")).toMatchObject({ status: 409, code: "SHEET_BUSY", detail: "busy", plugin: "p" })
    expect(await problemOf("/list")).toMatchObject({ status: 422, body: ["a", "b"] })
    expect(await problemOf("/problem")).toMatchObject({ status: 404, title: "Mine", code: "NOT_FOUND" })
    expect(await problemOf("/missing")).toMatchObject({ status: 404, code: "NOT_FOUND" })
    expect(await problemOf("/raised")).toMatchObject({ status: 403, reason: "locked" })
    expect(await problemOf("/empty")).toMatchObject({ status: 418 })
    expect((await problemOf("/long")).detail.length).toBeLessThan(200)
  })

  test("never says that Pagoda failed where the plugin did", async () => {
    expect((await problemOf("/html")).title).toBe("The plugin failed")
  })

  test("is never HTML, and keeps its own headers", async () => {
    const response = await request("/html", { headers: token })
    expect(response.headers.get("x-sheet")).toBe("3")
    expect(JSON.stringify(await readProblem(response))).not.toContain("<h1>")
    const text = await request("/text", { headers: token })
    expect(text.headers.get("retry-after")).toBe("3")
    expect(await readProblem(text)).toMatchObject({ status: 503, detail: "try later" })
  })
})

test("an error of api.* that a route lets through keeps its status, and all its problems", async () => {
  const issues = ["message", "times"].map((name) => ({ path: `params.${name}`, message: "is wrong", code: "STRING" }))
  const jobs = {
    create: async () => {
      throw new PagodaError("VALIDATION_FAILED", "The params do not fit", { issues })
    },
  }
  const granted = new Set(["jobs:create"])
  const operations = { get: () => ({ plugin: "p" }) }
  const log = { with: () => ({}) }
  const context = {
    id: "p",
    granted,
    env: {},
    settings: { current: {}, set: async () => {} },
    files: new Map(),
    log,
    core: {},
    jobs,
    operations,
    limits: createLimits().of("p"),
  }
  const apiFor = createApiFor(context as never)
  const { request } = mountTestPlugin(
    (app) =>
      app
        .get("/env", ({ api }) => api.env("HOME"))
        .get("/asset", ({ api }) => api.asset("x") as never)
        .get("/job", ({ api }) => api.jobs.create({ operation: 1001 })),
    apiFor as (user: unknown) => Api,
  )
  const problem = await readProblem(await request("/env", { headers: token }))
  expect(problem).toMatchObject({ status: 403, code: "PERMISSION_MISSING", plugin: "p" })
  expect(problem.detail).toContain("env:HOME")
  expect(await readProblem(await request("/asset", { headers: token }))).toMatchObject({ status: 404, plugin: "p" })
  const refused = await readProblem(await request("/job", { headers: token }))
  expect(refused).toMatchObject({ status: 422, code: "VALIDATION_FAILED", plugin: "p" })
  expect(refused.errors).toEqual(issues)
})

describe("a plugin's own error handler", () => {
  test("answers before the host's, and its answer is a problem document", async () => {
    const { request } = mountTestPlugin((app) =>
      app
        .onError(({ error }) => ({ mine: String((error as Error).message) }))
        .get("/x", () => {
          throw new Error("boom")
        }),
    )
    expect(await readProblem(await request("/x", { headers: token }))).toMatchObject({ status: 500, mine: "boom" })
    expect((await request("/nothing")).status).toBe(404)
  })

  test("that fails itself is 500 with the plugin's id", async () => {
    const { request } = mountTestPlugin((app) =>
      app
        .onError(() => {
          throw new Error("again")
        })
        .get("/x", () => {
          throw new Error("boom")
        }),
    )
    expect(await readProblem(await request("/x", { headers: token }))).toMatchObject({
      code: "PLUGIN_FAILED",
      plugin: "p",
    })
    expect((await readProblem(await request("/nothing"))).plugin).toBe("p")
  })
})
