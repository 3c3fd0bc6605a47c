import { describe, expect, test } from "bun:test"
import { type Api, t } from "@pagoda/sdk"
import { Elysia } from "elysia"
import { routesOf } from "../../src/plugins/mount.ts"
import { alice } from "../support/jobs.ts"
import { mountTestPlugin, token } from "../support/plugin-app.ts"

describe("createPluginApp()", () => {
  test("gives routes the user, the api, the plugin and its settings", async () => {
    const apiFor = (user: unknown) => ({ user }) as unknown as Api
    const { request } = mountTestPlugin(
      (app) =>
        app
          .get("/all", ({ user, api, plugin, settings }) => ({ user, api, plugin, settings }))
          .get("/open", ({ user, api }) => ({ user, api }), { auth: false }),
      apiFor,
    )
    expect(await (await request("/all", { headers: token })).json()).toEqual({
      user: alice,
      api: { user: alice },
      plugin: { id: "p", name: "P", version: "1.2.3" },
      settings: { COLOR: "red" },
    } as never)
    expect(await (await request("/open", { headers: token })).json()).toEqual({ user: null, api: { user: null } })
  })

  test("a plugin without routes answers 404", async () => {
    expect((await mountTestPlugin(undefined).request("/x")).status).toBe(404)
  })

  test("routesOf() tells the routes and which are open", () => {
    const { app } = mountTestPlugin((app) => app.get("/a/:id", "a").post("/b", "b", { auth: false }))
    expect(routesOf(app)).toEqual([
      { method: "GET", path: "/api/v2/plugins/p/a/:id", auth: true },
      { method: "POST", path: "/api/v2/plugins/p/b", auth: false },
    ])
  })

  test.each([
    [
      "outside of its prefix",
      (app: Elysia) => app.route("GET", "/../../me", "x"),
      /outside of "\/api\/v2\/plugins\/p\/"/,
    ],
    [
      "at another path",
      (app: Elysia) => Reflect.get(app, "add").call(app, "GET", "/api/v2/me", () => 1, {}, { skipPrefix: true }),
      /"GET \/api\/v2\/me" is outside/,
    ],
    ["of another app", () => new Elysia().get("/x", "x"), /another app/],
    ["in a promise", async () => {}, /a promise/],
    [
      "of an app that comes later",
      (app: Elysia) => app.use(Promise.resolve({ default: new Elysia() }) as never),
      /not there yet/,
    ],
    ["on a port of its own", (app: Elysia) => app.listen(0), /cannot listen/],
    ["on the port of a group", (app: Elysia) => app.group("/g", (own) => own.listen(0)), /Cannot call "listen"/],
    [
      "that read the environment",
      (app: Elysia) => app.env(t.Object({ HOME: t.String() }) as never),
      /Cannot call "env" of a plugin's Elysia/,
    ],
  ] as [string, (app: Elysia) => unknown, RegExp][])("refuses routes %s", (_, routes, message) => {
    expect(() => mountTestPlugin(routes as never)).toThrow(message)
  })

  test("refuses routes that are asked before it is mounted, when nobody guards them", () => {
    const ask = (app: Elysia) => app.get("/x", "x").compile().fetch(new Request("http://localhost/api/v2/plugins/p/x"))
    expect(() => mountTestPlugin(ask as never)).toThrow("not in use yet")
  })

  test("routes cannot be added once it is mounted", async () => {
    let kept: Elysia | undefined
    const { request } = mountTestPlugin((app) => {
      kept = app as unknown as Elysia
      return app.get("/a", "a", { auth: false })
    })
    expect(() => kept?.get("/late", "late")).toThrow("in use already")
    expect((await request("/late")).status).toBe(404)
  })

  test("what one plugin adds reaches no other", async () => {
    mountTestPlugin((app) =>
      app
        .onError({ as: "global" }, () => "hers")
        .onRequest(({ set }) => {
          set.headers["x-hers"] = "1"
        })
        .onAfterHandle({ as: "global" }, () => "hers")
        .decorate("hers", 1)
        .get("/a", "a"),
    )
    const { request } = mountTestPlugin((app) =>
      app.get("/a", (context) => ("hers" in context ? "hers" : "mine"), { query: t.Object({}) }),
    )
    const response = await request("/a", { headers: token })
    expect(await response.text()).toBe("mine")
    expect(response.headers.has("x-hers")).toBe(false)
  })
})
