import { expect, test } from "bun:test"
import { definePlugin, type Entry, on, onEntity, onEntry, reject } from "@pagoda/sdk"
import { testPlugin, testUser } from "@pagoda/sdk/testing"

const entity = { id: 1, name: "Server" }
const entry: Entry = {
  id: 7,
  entity,
  name: "web01",
  attrs: { cpu: 4 },
  is_public: true,
  default_permission: "nothing",
  is_active: true,
  version: 1,
  created_by: "someone",
  created_at: "2026-01-31T12:00:00.000Z",
  updated_by: "someone",
  updated_at: "2026-01-31T12:00:00.000Z",
}

const heard: unknown[] = []
const plugin = definePlugin({
  id: "hooked",
  name: "Hooked",
  version: "1.0.0",
  permissions: ["entries:read", "entries:write", "entities:read", "system"],
  hooks: [
    onEntry("before_create", { priority: 200 }, ({ data }) => ({ ...data, name: `${data.name}-late` })),
    onEntry("before_create", { priority: 50, entity: "Server" }, async ({ data, entity }) => ({
      ...data,
      name: `${entity.name}-${data.name}`,
    })),
    onEntry("before_create", { entity: "Other" }, () => ({ name: "never" })),
    onEntry("validate", ({ data }) => {
      if (data.name === "bad") throw reject("no", { path: "name" })
    }),
    onEntry("after_create", async ({ entry, user, api, plugin }) => {
      await api.hooks.emit("hooked:made", { id: entry.id, by: user.username, of: plugin.id })
    }),
    onEntry("get_attrs", ({ attrs, entry }) => ({ ...attrs, shout: entry.name.toUpperCase() })),
    onEntity("before_create", ({ data }) => ({ ...data, note: "hooked" })),
    on("other:done", ({ data, user }) => void heard.push({ data, user: user?.id })),
  ],
  overrides: {
    retrieve: async ({ entry, api, params }) =>
      entry && { mine: (await api.entries.get(entry.id)).name, prefix: (params as { prefix: string }).prefix },
    list: () => {},
  },
  routes: (app) =>
    app.get("/count", async ({ api }) => api.entries.count()).get("/lost", ({ api }) => api.entries.get(404)),
})

test("handlers run by priority, each with what the one before returned, for their entity alone", async () => {
  await using tested = await testPlugin(plugin)
  const { data } = await tested.runHook("entry.before_create", { entity, data: { name: "x" } })
  expect(data).toEqual({ name: "Server-x-late" })
  expect(await tested.runHook("entity.before_create", { data: { name: "New" } })).toMatchObject({
    data: { name: "New", note: "hooked" },
  })
})

test("a rejection is thrown with its path, and what a handler is told is a copy", async () => {
  await using tested = await testPlugin(plugin)
  const rejected = tested.runHook("entry.validate", { entity, data: { name: "bad" } })
  await expect(rejected).rejects.toMatchObject({ code: "REJECTED", path: "name" })
  const { attrs } = await tested.runHook("entry.get_attrs", { entity, entry, attrs: entry.attrs })
  expect(attrs).toEqual({ cpu: 4, shout: "WEB01" })
  expect(entry.attrs).toEqual({ cpu: 4 })
})

test("events are collected, and others' are told", async () => {
  await using tested = await testPlugin(plugin)
  await tested.runHook("entry.after_create", { entity, entry })
  const data = { id: 7, by: "tester", of: "hooked" }
  expect(tested.events).toEqual([{ name: "hooked:made", data, user: testUser }])
  await tested.runEvent("other:done", 3)
  expect(heard).toEqual([{ data: 3, user: "test-user" }])
})

test("the platform answers what the test gives, under the host's rule on permissions", async () => {
  const data = {
    entries: {
      get: async (id: number) => {
        if (id === entry.id) return entry
        throw Object.assign(new Error("gone"), { name: "PluginError", code: "NOT_FOUND" })
      },
      count: async () => 3,
    },
  }
  await using tested = await testPlugin(plugin, { data })
  expect(await (await tested.request("/count")).json()).toBe(3)
  expect(await tested.runOverride("retrieve", { entity, entry, params: { prefix: "p" } })).toEqual({
    mine: "web01",
    prefix: "p",
  })
  expect(await tested.runOverride("list")).toBeUndefined()
  await expect(tested.runOverride("delete")).rejects.toMatchObject({ code: "NOT_FOUND" })

  await using ungranted = await testPlugin(plugin, { data, permissions: [] })
  expect((await ungranted.request("/count")).status).toBe(403)
  await using empty = await testPlugin(plugin)
  expect((await empty.request("/count")).status).toBe(501)
})
