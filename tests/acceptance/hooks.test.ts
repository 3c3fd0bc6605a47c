import { afterAll, beforeAll, expect, test } from "bun:test"
import { removeFolders } from "../support/folder.ts"
import type { TestHost } from "../support/host.ts"
import { untilSaid } from "../support/pagoda.ts"
import { startPluginHost } from "../support/plugin-host.ts"

const permissions = ["entries:read", "entries:write", "entities:read"]

const listener = `
import { onEntity, onEntry, on, reject } from "@pagoda/sdk"
const seen = []
const events = []`

const plugins = {
  "a-broken": {
    permissions,
    body: `import { onEntry } from "@pagoda/sdk"`,
    fields: `hooks: [
      onEntry("before_create", { priority: 1 }, () => { throw new Error("broken on purpose") }),
      onEntry("before_create", { priority: 2, entity: "Server" }, () => ({ name: 7 })),
      onEntry("before_create", { priority: 3, entity: "Slow", timeout_ms: 20 }, () => new Promise(() => {})),
      onEntry("validate", { entity: "Closed", on_error: "reject" }, () => { throw new Error("closed on purpose") }),
    ],`,
  },
  listener: {
    permissions,
    body: listener,
    fields: `routes: (app) => app.get("/seen", () => ({ seen, events })),
    hooks: [
      onEntry("validate", ({ data }) => {
        if (/forbidden/i.test(data.name ?? "")) throw reject("this name is forbidden", { path: "name" })
      }),
      onEntry("before_create", { priority: 50 }, () => {}),
      onEntry("before_create", { entity: "Server" }, async ({ data }) => ({ ...data, attrs: { ...data.attrs, note: "hooked" } })),
      onEntry("before_update", { entity: "Server" }, ({ data }) => data.name === "rename-me" ? { ...data, name: "renamed" } : undefined),
      onEntry("before_update", { entity: "Both" }, ({ data }) => ({ ...data, attrs: { ...data.attrs, a: "first" } })),
      onEntry("before_update", { entity: "Both" }, ({ data }) => ({ ...data, attrs: { ...data.attrs, b: "second" } })),
      onEntry("before_delete", { entity: "Kept" }, () => { throw reject("nothing here is deleted") }),
      onEntry("after_create", { entity: "Server" }, async ({ entry, user, plugin, entity }) => {
        seen.push({ hook: "after_create", entry, user: user.username, plugin: plugin.id, entity })
        entry.name = "changed behind the host's back"
        user.is_admin = true
      }),
      onEntry("after_update", ({ entry }) => { seen.push({ hook: "after_update", name: entry.name }) }),
      onEntry("get_attrs", { entity: "Server" }, ({ attrs }) => ({ ...attrs, added: "by a hook" })),
      onEntity("before_create", ({ data }) => ({ ...data, note: "made with " + data.name })),
      on("talker:spoke", ({ data, user }) => { events.push({ data, user: user?.username ?? null }) }),
    ],`,
  },
  talker: {
    permissions: [],
    body: "",
    fields: `routes: (app) => app
      .post("/say", async ({ api }) => { await api.hooks.emit("talker:spoke", { words: 3 }); return "said" })
      .post("/lie", async ({ api }) => { await api.hooks.emit("listener:spoke", 1) }),
    initialize: async (api) => { await api.hooks.emit("talker:spoke", "hello") },`,
  },
}

let host: TestHost
const entities = new Map<string, number>()

beforeAll(async () => {
  host = await startPluginHost(plugins)
  // one of them fails more often here than it may
  await host.ask("/api/v2/admin/plugins/a-broken/limits", { method: "PATCH", body: { failures_per_minute: 1_000 } })
  for (const name of ["Server", "Other", "Both", "Slow", "Closed", "Kept"]) {
    const attrs = ["note", "a", "b"].map((name) => ({ name, type: "string" }))
    const { status, body } = await host.ask("/api/v2/entities", { body: { name, attrs } })
    expect(status).toBe(201)
    entities.set(name, body.id)
  }
}, 60_000)

afterAll(async () => {
  await host?.stop()
  await removeFolders()
})

const create = (entity: string, name: string, attrs: object = {}) =>
  host.ask(`/api/v2/entities/${entities.get(entity)}/entries`, { body: { name, attrs } })
const patch = (id: number, body: object) => host.ask(`/api/v2/entries/${id}`, { method: "PATCH", body })
const seen = async () => (await host.ask("/api/v2/plugins/listener/seen")).body
const hooksOf = async (plugin: string) => (await host.ask(`/api/v2/plugins/${plugin}`)).body.hooks

test("a handler that throws, one that gives nonsense and one that gives nothing leave the good one's result", async () => {
  const { status, body } = await create("Server", "web01", { a: "1" })
  expect(status).toBe(201)
  expect(body).toMatchObject({ name: "web01", attrs: { a: "1", note: "hooked" } })
  expect(await hooksOf("a-broken")).toMatchObject([
    { failures: 1 },
    { entity: "Server", failures: 1, calls: 1 },
    {},
    {},
  ])
  expect((await hooksOf("listener"))[1]).toMatchObject({ calls: 1, failures: 0, priority: 50 })
  await untilSaid(host, "broken on purpose")
})

test("after_create of one entity is told of its entries alone, with the entry and the user", async () => {
  const { body: made } = await create("Server", "told")
  await create("Other", "not-told")
  const told = (await seen()).seen.filter(({ hook }: { hook: string }) => hook === "after_create")
  expect(told.map(({ entry }: { entry: { id: number } }) => entry.id)).toContain(made.id)
  expect(told.every(({ entity }: { entity: { name: string } }) => entity.name === "Server")).toBe(true)
  expect(told.at(-1)).toMatchObject({ user: "admin", plugin: "listener", entity: { id: entities.get("Server") } })
  expect((await host.ask(`/api/v2/entries/${made.id}`)).body.name).toBe("told")
})

test("before_update that changes the name: the changed name is stored", async () => {
  const { body } = await create("Server", "old")
  expect((await patch(body.id, { name: "rename-me" })).body.name).toBe("renamed")
  expect((await host.ask(`/api/v2/entries/${body.id}`)).body).toMatchObject({ name: "renamed", version: 2 })
})

test("of two before_update handlers that each add a field both survive", async () => {
  const { body } = await create("Both", "one")
  expect((await patch(body.id, { attrs: { note: "mine" } })).body.attrs).toMatchObject({
    a: "first",
    b: "second",
    note: "mine",
  })
})

test("an update that changes nothing tells nobody", async () => {
  const { body } = await create("Other", "same", { a: "1" })
  expect((await patch(body.id, { name: "same", attrs: { a: "1" } })).body.version).toBe(1)
  const { seen: told } = await seen()
  expect(told.filter(({ name }: { name: string }) => name === "same")).toEqual([])
})

test("a name that validate rejects is 422 with its path, in any letter case, and nothing is written", async () => {
  const answer = await create("Server", "a FORBidden name")
  expect(answer).toMatchObject({ status: 422, type: "application/problem+json" })
  expect(answer.body).toMatchObject({
    code: "VALIDATION_FAILED",
    plugin: "listener",
    errors: [{ path: "name", message: "this name is forbidden", code: "REJECTED" }],
  })
  expect((await host.ask("/api/v2/search?q=forbidden")).body.count).toBe(0)
})

test("before_delete can keep an entry", async () => {
  const { body } = await create("Kept", "one")
  expect((await host.ask(`/api/v2/entries/${body.id}`, { method: "DELETE" })).status).toBe(422)
  expect((await host.ask(`/api/v2/entries/${body.id}`)).body.is_active).toBe(true)
})

test("entity.before_create may change what is written", async () => {
  expect((await host.ask(`/api/v2/entities/${entities.get("Other")}`)).body.note).toBe("made with Other")
})

test("entry.get_attrs may add an attribute to what is read, of one entry and not of a list", async () => {
  const { body } = await create("Server", "read")
  expect((await host.ask(`/api/v2/entries/${body.id}`)).body.attrs).toMatchObject({ added: "by a hook" })
  const { body: list } = await host.ask(`/api/v2/entities/${entities.get("Server")}/entries`)
  expect(list.results.every(({ attrs }: { attrs: object }) => !("added" in attrs))).toBe(true)
})

test("a handler that takes too long is skipped and counted", async () => {
  expect((await create("Slow", "one")).status).toBe(201)
  expect((await hooksOf("a-broken"))[2]).toMatchObject({ entity: "Slow", calls: 1, timeouts: 1, failures: 0 })
})

test("a handler that fails closed refuses the write and is named", async () => {
  const { status, body } = await create("Closed", "one")
  expect(status).toBe(422)
  expect(body).toMatchObject({ code: "HOOK_FAILED", plugin: "a-broken" })
  expect(JSON.stringify(body)).not.toContain("on purpose")
})

test("a plugin's event reaches those who subscribed, and only its own may be told", async () => {
  expect((await host.ask("/api/v2/plugins/talker/say", { method: "POST" })).body).toBe("said")
  // "listener" comes before "talker", so that it heard the first one too
  expect((await seen()).events).toEqual([
    { data: "hello", user: null },
    { data: { words: 3 }, user: "admin" },
  ])
  const lie = await host.ask("/api/v2/plugins/talker/lie", { method: "POST" })
  expect(lie).toMatchObject({ status: 422, body: { plugin: "talker" } })
})

test("a plugin that is disabled takes its handlers with it and no one else's", async () => {
  await host.ask("/api/v2/admin/plugins/listener/disable", { method: "POST" })
  expect((await create("Server", "forbidden now")).status).toBe(201)
  expect((await hooksOf("a-broken"))[1]).toMatchObject({ entity: "Server" })
  await host.ask("/api/v2/admin/plugins/listener/enable", { method: "POST" })
  expect((await create("Server", "forbidden again")).status).toBe(422)
})
