import { afterAll, beforeAll, expect, test } from "bun:test"
import { removeFolders } from "../support/folder.ts"
import type { TestHost } from "../support/host.ts"
import { untilSaid } from "../support/pagoda.ts"
import { startPluginHost } from "../support/plugin-host.ts"

const permissions = ["entries:read", "entries:write"]

const plugins = {
  names: {
    permissions,
    body: `import { PluginError } from "@pagoda/sdk"
const calls = []`,
    fields: `routes: (app) => app.get("/calls", () => calls),
    overrides: {
      create: async ({ user, api, entity, entry, data, params, operation, plugin }) => {
        calls.push({ user: user.username, entity, entry, data, params, operation, plugin: plugin.id })
        if (data.name === "standard") return
        if (data.name === "teapot") return new Response("short and stout", { status: 418 })
        if (data.name === "own-error") throw new PluginError("no header row", { code: "NO_HEADER" })
        if (data.name === "let-through") return api.entries.create({ entity: entity.id, name: "", attrs: {} })
        if (data.name === "broken") throw new Error("a secret of the plugin")
        const made = await api.entries.create({ entity: entity.id, name: params.prefix + data.name, attrs: data.attrs ?? {} })
        return { made: made.id, name: made.name }
      },
      update: async ({ entry, data, operation }) => {
        calls.push({ entry: entry.name, data, operation })
        return { updated: entry.id }
      },
      retrieve: ({ entry }) => entry.name === "plain" ? undefined : new Response(entry.name, { headers: { "x-made-by": "names" } }),
      delete: () => ({ deleted: false }),
      list: ({ data }) => ({ mine: true, limit: data.limit }),
    },`,
  },
  rival: {
    permissions,
    body: "",
    fields: `overrides: { create: () => ({ by: "rival" }), list: () => [1, 2] },`,
  },
}

let host: TestHost
const ids = new Map<string, number>()

beforeAll(async () => {
  host = await startPluginHost(plugins)
  for (const name of ["Bound", "Other", "Whole", "Private"]) {
    const { body } = await host.ask("/api/v2/entities", {
      body: { name, attrs: [{ name: "cpu", type: "number" }], is_public: name !== "Private" },
    })
    ids.set(name, body.id)
  }
}, 60_000)

afterAll(async () => {
  await host?.stop()
  await removeFolders()
})

const override = (name: string) => `/api/v2/admin/entities/${ids.get(name)}/override`
const bind = (name: string, body: object) => host.ask(override(name), { method: "PUT", body })
const create = (name: string, body: unknown, token?: string) =>
  host.ask(`/api/v2/entities/${ids.get(name)}/entries`, { body, ...(token && { token }) })
const calls = async () => (await host.ask("/api/v2/plugins/names/calls")).body

async function loginAs(username: string): Promise<string> {
  const body = { username, password: "correct horse battery" }
  expect((await host.ask("/api/v2/users", { body })).status).toBe(201)
  return (await host.ask("/api/v2/auth/login", { body })).body.token
}

test("the bound operations are the plugin's; other operations and entities are untouched", async () => {
  expect(
    await bind("Bound", { plugin: "names", operations: ["create", "update"], params: { prefix: "srv-" } }),
  ).toMatchObject({
    status: 200,
    body: { plugin: "names", operations: ["create", "update"], params: { prefix: "srv-" }, others: [] },
  })
  const made = await create("Bound", { name: "web01", attrs: { cpu: 4 } })
  expect(made).toMatchObject({ status: 201, body: { name: "srv-web01" } })
  const path = `/api/v2/entries/${made.body.made}`
  expect((await host.ask(path)).body).toMatchObject({ name: "srv-web01", attrs: { cpu: 4 } })
  expect((await host.ask(path, { method: "PATCH", body: { name: "x" } })).body).toEqual({ updated: made.body.made })
  expect((await host.ask(path, { method: "DELETE" })).status).toBe(204)
  expect((await create("Other", { name: "web01" })).body).toMatchObject({ name: "web01", version: 1 })
})

test("a handler gets the user, the entity, the entry, the body and what the operator bound it with", async () => {
  const entity = { id: ids.get("Bound"), name: "Bound" }
  const [created, updated] = await calls()
  expect(created).toMatchObject({
    user: "admin",
    entity,
    data: { name: "web01", attrs: { cpu: 4 } },
    params: { prefix: "srv-" },
    operation: "create",
    plugin: "names",
  })
  expect(updated).toEqual({ entry: "srv-web01", data: { name: "x" }, operation: "update" })
})

test("a handler that returns nothing leaves it to the standard operation", async () => {
  expect((await create("Bound", { name: "standard" })).body).toMatchObject({ name: "standard", is_active: true })
  expect((await create("Bound", { name: "standard" })).body.code).toBe("NAME_TAKEN")
})

test("a response of its own is answered as it is, in error as a problem document that names the plugin", async () => {
  const answer = await create("Bound", { name: "teapot" })
  expect(answer).toMatchObject({ status: 418, type: "application/problem+json" })
  expect(answer.body).toMatchObject({ plugin: "names", detail: "short and stout" })
})

test("what a handler throws is answered as what a route throws", async () => {
  expect(await create("Bound", { name: "own-error" })).toMatchObject({
    status: 400,
    body: { code: "NO_HEADER", plugin: "names" },
  })
  expect(await create("Bound", { name: "let-through" })).toMatchObject({
    status: 422,
    body: { plugin: "names", errors: [{ path: "name" }] },
  })
  const broken = await create("Bound", { name: "broken" })
  expect(broken).toMatchObject({ status: 500, body: { code: "PLUGIN_FAILED", plugin: "names" } })
  expect(JSON.stringify(broken.body)).not.toContain("secret")
  await untilSaid(host, "a secret of the plugin")
})

test("a body that is no object is refused before the handler runs", async () => {
  const before = (await calls()).length
  expect((await create("Bound", [1])).status).toBe(422)
  expect(await calls()).toHaveLength(before)
})

test("all five operations can be bound", async () => {
  const { body: plain } = await create("Whole", { name: "plain" })
  const { body: other } = await create("Whole", { name: "other" })
  const operations = ["create", "retrieve", "update", "delete", "list"]
  expect((await bind("Whole", { plugin: "names", operations })).body).toMatchObject({ operations, params: {} })
  expect((await host.ask(`/api/v2/entries/${plain.id}`)).body.name).toBe("plain")
  expect((await host.ask(`/api/v2/entries/${other.id}`)).body).toBe("other")
  expect(await host.ask(`/api/v2/entries/${other.id}`, { method: "DELETE" })).toMatchObject({
    status: 200,
    body: { deleted: false },
  })
  const list = `/api/v2/entities/${ids.get("Whole")}/entries?limit=7`
  expect((await host.ask(list)).body).toEqual({ mine: true, limit: 7 })
})

test("one operation of an entity bound to two plugins is a conflict that names entity, operation and both", async () => {
  const { status, body } = await bind("Bound", { plugin: "rival", operations: ["list", "create"] })
  expect(status).toBe(409)
  expect(body).toMatchObject({ code: "OVERRIDE_CONFLICT", errors: [{ path: "operations.1" }] })
  for (const word of ['"Bound"', '"create"', '"names"', '"rival"']) expect(body.detail).toContain(word)
  // nothing of it was bound
  expect((await host.ask(override("Bound"))).body.others).toEqual([])
})

test("two plugins may each have their own operations of one entity", async () => {
  expect((await bind("Bound", { plugin: "rival", operations: ["list"] })).status).toBe(200)
  expect((await host.ask(`/api/v2/entities/${ids.get("Bound")}/entries`)).body).toEqual([1, 2])
  expect((await host.ask(override("Bound"))).body).toMatchObject({ plugin: "names", others: [{ plugin: "rival" }] })
  expect((await host.ask(`${override("Bound")}?plugin=rival`, { method: "DELETE" })).status).toBe(204)
  expect((await host.ask(override("Bound"))).body).toMatchObject({ plugin: "names", others: [] })
})

test("somebody without access is refused, and the handler does not run", async () => {
  const token = await loginAs("stranger")
  await bind("Private", { plugin: "names", operations: ["create"], params: { prefix: "p-" } })
  const before = (await calls()).length
  expect((await create("Private", { name: "mine" }, token)).status).toBe(403)
  expect(await calls()).toHaveLength(before)
  expect((await create("Private", { name: "mine" })).status).toBe(201)
})

test("the handler acts with the access of who asks", async () => {
  const token = await loginAs("reader")
  const acl = { is_public: false, default_permission: "readable", roles: [] }
  await host.ask(`/api/v2/entities/${ids.get("Other")}/acl`, { method: "PUT", body: acl })
  await bind("Other", { plugin: "names", operations: ["create"], params: { prefix: "" } })
  expect((await create("Other", { name: "nope" }, token)).status).toBe(403)
})

test("while the plugin is not active the standard operations answer, and its binding stays", async () => {
  await host.ask("/api/v2/admin/plugins/names/disable", { method: "POST" })
  expect((await create("Bound", { name: "by-standard" })).body).toMatchObject({ name: "by-standard" })
  expect((await host.ask(override("Bound"))).body.plugin).toBe("names")
  await host.ask("/api/v2/admin/plugins/names/enable", { method: "POST" })
  expect((await create("Bound", { name: "again" })).body).toMatchObject({ name: "srv-again" })
})

test("only admins see and change bindings", async () => {
  const token = await loginAs("nosy")
  for (const options of [
    { method: "GET" },
    { method: "PUT", body: { plugin: "names", operations: ["list"] } },
    { method: "DELETE" },
  ]) {
    expect((await host.ask(override("Bound"), { ...options, token })).status).toBe(403)
  }
})

test.each([
  ["an unknown plugin", { plugin: "nobody", operations: ["create"] }, "plugin"],
  [
    "an operation that the plugin does not override",
    { plugin: "rival", operations: ["list", "update"] },
    "operations.1",
  ],
  ["an unknown operation", { plugin: "rival", operations: ["restore"] }, "operations.0"],
  ["no operations", { plugin: "rival", operations: [] }, "operations"],
  ["params that are no object", { plugin: "rival", operations: ["list"], params: 1 }, "params"],
  ["an unknown field", { plugin: "rival", operations: ["list"], more: 1 }, "more"],
])("%s is refused with its path", async (_, body, path) => {
  const answer = await bind("Whole", body)
  expect(answer.status).toBe(422)
  expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path)
})

test("of an entity that is not there, and where nothing is bound, there is nothing", async () => {
  const nowhere = "/api/v2/admin/entities/999999/override"
  expect((await host.ask(nowhere)).status).toBe(404)
  expect((await host.ask(nowhere, { method: "PUT", body: { plugin: "rival", operations: ["list"] } })).status).toBe(404)
  expect((await host.ask(override("Bound"), { method: "DELETE" })).status).toBe(204)
  expect((await host.ask(override("Bound"), { method: "DELETE" })).status).toBe(404)
  expect((await host.ask(override("Bound"))).status).toBe(404)
})

test("every change of a binding is in the audit record", async () => {
  const { body } = await host.ask("/api/v2/admin/audit?limit=1000")
  const records = body.results.filter(({ action }: { action: string }) => action === "override")
  expect(records.length).toBeGreaterThan(5)
  expect(records.at(-1)).toMatchObject({
    user: { username: "admin" },
    object_type: "entity",
    object_id: String(ids.get("Bound")),
    changes: { before: null, after: { plugin: "names" } },
  })
})
