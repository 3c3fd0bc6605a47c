import { expect, test } from "bun:test"
import type { Api, Entity } from "@pagoda/sdk"
import type { Database } from "../../src/db/database.ts"
import { createLog } from "../../src/log.ts"
import { createApiFor } from "../../src/plugins/api.ts"
import { apiErrorStatus } from "../../src/plugins/api-error.ts"
import { createLimits } from "../../src/plugins/limits.ts"
import { openTestCore, rootUser } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"
import { toTestHook } from "../support/hooks.ts"

const all = ["entities:read", "entities:write", "entries:read", "entries:write", "users:read", "system"]

function openApi(database: Database, permissions = all) {
  const core = openTestCore(database)
  const alice = core.person("alice")
  const users = new Map([alice, rootUser, core.person("gone", { is_active: false })].map((user) => [user.id, user]))
  const lines: string[] = []
  const apiFor = createApiFor({
    id: "p",
    granted: new Set(permissions),
    settings: { current: {}, set: async () => {} },
    files: new Map() as never,
    core: { ...core, users: { get: async (id) => users.get(id) ?? null } },
    db: {} as never,
    jobs: {} as never,
    operations: {} as never,
    register: () => {},
    env: {},
    limits: createLimits().of("p"),
    log: createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) }),
  })
  return { core, apiFor, alice, root: apiFor(rootUser), lines }
}

/** The error of a call, as a route that lets it through would answer it. */
async function refused(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (error) => error,
  )
  return { status: apiErrorStatus(error), name: error?.name, code: error?.code, path: error?.path }
}

const server = { name: "Server", attrs: [{ name: "cpu", type: "number" as const }] }

eachDatabase((_, open) => {
  test("entities: made, found by id and by name, listed, changed and deleted", async () => {
    const { root } = openApi(await open())
    const made = await root.entities.create(server)
    expect(await root.entities.get("Server")).toEqual(made)
    expect(await root.entities.get(made.id)).toEqual(made)
    expect(await root.entities.list({ search: "serv" })).toMatchObject({ count: 1, results: [{ name: "Server" }] })
    const [cpu] = made.attrs
    const changed = await root.entities.update(
      made.id,
      { note: "new", attrs: [{ id: cpu?.id as number, name: "cores" }] },
      { version: made.version },
    )
    expect(changed).toMatchObject({ note: "new", attrs: [{ name: "cores" }] })
    expect(await refused(root.entities.update(made.id, { note: "x" }, { version: 1 }))).toMatchObject({ status: 412 })
    await root.entities.delete(made.id)
    expect(await refused(root.entities.get("Server"))).toMatchObject({ status: 404, code: "NOT_FOUND" })
  })

  test("entries: made, read, listed, counted, changed, deleted and restored", async () => {
    const { root } = openApi(await open())
    const { id: entity } = await root.entities.create(server)
    const made = await root.entries.create({ entity: "Server", name: "web01", attrs: { cpu: 4 } })
    await root.entries.create({ entity, name: "web02", attrs: { cpu: 8 } })
    expect(await root.entries.get(made.id)).toEqual(made)
    const big = await root.entries.list({ entity, filter: { cpu: { gte: 8 } }, ordering: "-name", limit: 1, offset: 0 })
    expect(big).toMatchObject({ count: 1, results: [{ name: "web02" }] })
    expect((await root.entries.update(made.id, { attrs: { cpu: 6 } })).attrs).toEqual({ cpu: 6 })
    await root.entries.delete(made.id)
    expect(await root.entries.count({ entity: "Server" })).toBe(1)
    expect(await root.entries.count({ is_active: false })).toBe(1)
    expect(await root.entries.aggregate({ group_by: "entity" })).toEqual([
      { entity: { id: entity, name: "Server" }, count: 2, active: 1 },
    ])
    expect(await root.entries.restore(made.id)).toMatchObject({ name: "web01", is_active: true })
    expect(await root.services.search("WEB0")).toMatchObject({ count: 2 })
  })

  test("everything runs with the access of the user who caused it", async () => {
    const { apiFor, alice, root, core } = openApi(await open())
    const { id } = await root.entities.create({ ...server, is_public: false })
    const { id: entry } = await root.entries.create({ entity: id, name: "web01", attrs: {} })
    const api = apiFor(alice)
    const target = { type: "entity" as const, id }
    expect(await refused(api.entries.get(entry))).toMatchObject({ status: 404 })
    expect(await api.permissions.can("readable", target)).toBe(false)
    expect(await refused(api.permissions.require("readable", target))).toMatchObject({ status: 404 })
    expect((await api.entries.list()).count + (await api.entries.count()) + (await api.entities.list()).count).toBe(0)

    await core.grant([alice], { [`entity ${id}`]: "readable" })
    expect((await api.entries.get(entry)).name).toBe("web01")
    expect(await api.permissions.can("readable", { type: "entry", id: entry })).toBe(true)
    expect(await api.permissions.can("writable", { type: "entry", id: entry })).toBe(false)
    expect(await refused(api.permissions.require("writable", target))).toMatchObject({
      status: 403,
      name: "PluginSecurityError",
      code: "FORBIDDEN",
    })
    expect(await refused(api.entries.update(entry, { name: "mine" }))).toMatchObject({ status: 403 })
    expect(await api.permissions.can("readable", { type: "attribute", id: 999 })).toBe(false)
  })

  test("as and asSystem act for somebody else, and say so in what they write", async () => {
    const { apiFor, alice, root } = openApi(await open())
    await root.entities.create({ ...server, is_public: false })
    const system = await apiFor(alice).asSystem()
    const made = await system.entries.create({ entity: "Server", name: "by-system", attrs: {} })
    expect(made.created_by).toBe("system")
    const other = await apiFor(null).as({ id: "root" })
    expect((await other.entries.update(made.id, { name: "by-root" })).updated_by).toBe("root")
    expect(await refused(root.as({ id: "gone" }))).toMatchObject({ status: 404 })
    expect(await refused(root.as({ id: "nobody" }))).toMatchObject({ status: 404 })
  })

  test("what does not fit keeps its status and its path", async () => {
    const { root } = openApi(await open())
    await root.entities.create(server)
    await root.entries.create({ entity: "Server", name: "web01", attrs: {} })
    const misfit = root.entries.create({ entity: "Server", name: "web02", attrs: { cpu: "many" } })
    expect(await refused(misfit)).toMatchObject({ status: 422, name: "PluginValidationError", path: "attrs.cpu" })
    const taken = root.entries.create({ entity: "Server", name: "web01", attrs: {} })
    expect(await refused(taken)).toMatchObject({ status: 409, name: "PluginError", code: "NAME_TAKEN" })
    expect(await refused(root.entries.list({ entity: "Server", filter: { nothing: 1 } }))).toMatchObject({
      status: 422,
    })
  })

  test("whatever a plugin gives in place of an argument is refused, and reaches no database", async () => {
    const { root } = openApi(await open())
    const made = await root.entities.create(server)
    const wrong = root as unknown as Record<string, Record<string, (...values: unknown[]) => Promise<unknown>>>
    const circle: { self?: unknown } = {}
    circle.self = circle
    const calls: [part: string, name: string, ...values: unknown[]][] = [
      ["entities", "get"],
      ["entities", "get", 1.5],
      ["entities", "get", "nul \0"],
      ["entities", "create", null],
      ["entities", "list", { limit: -1 }],
      ["entities", "update", made.id, { note: 1n }],
      ["entries", "get", "1 or 1=1"],
      ["entries", "get", 1e300],
      ["entries", "list", { limit: 1001 }],
      ["entries", "list", { offset: Number.NaN }],
      ["entries", "list", { unknown: 1 }],
      ["entries", "count", { created_from: "yesterday" }],
      ["entries", "aggregate", { group_by: "user" }],
      ["entries", "create", undefined],
      ["entries", "create", { entity: "Server", name: "x", attrs: circle }],
      ["entries", "create", { entity: "Server", name: "x", attrs: { cpu: Number.POSITIVE_INFINITY } }],
      ["entries", "create", { entity: "Server", name: "x", attrs: { cpu: () => 1 } }],
      ["entries", "update", 1, "name"],
      ["permissions", "can", "godlike", { type: "entity", id: 1 }],
      ["permissions", "can", "full", { type: "plugin", id: 1 }],
      ["services", "search"],
      ["services", "notify", { severity: "toString", message: "x" }],
      ["hooks", "emit", "other:event", 1],
      ["hooks", "emit", "p:"],
    ]
    for (const [part, name, ...values] of calls) {
      const answer = await refused((wrong[part] as (typeof wrong)[string])[name]!(...values))
      expect([part, name, answer.status]).toEqual([part, name, 422])
    }
  })

  test("what is given back may be changed without changing anything", async () => {
    const { root } = openApi(await open())
    const attrs = [{ name: "size", type: "select" as const, choices: ["S", "M"] }]
    const made = (await root.entities.create({ name: "Shirt", attrs })) as Entity
    made.attrs[0]?.choices.push("XXL")
    made.attrs.length = 0
    expect((await root.entities.get("Shirt")).attrs[0]?.choices).toEqual(["S", "M"])
  })

  test("a user that a plugin makes an admin is none", async () => {
    const { apiFor, alice, root } = openApi(await open())
    await root.entities.create({ ...server, is_public: false })
    const api = apiFor(alice)
    alice.is_admin = true
    expect(await refused(api.entities.get("Server"))).toMatchObject({ status: 404 })
  })

  test("a notice is in the log under the plugin's id", async () => {
    const { root, lines } = openApi(await open())
    await root.services.notify({ severity: "warning", message: "the disk is nearly full" })
    expect(lines.join()).toMatch(/"level":"warn".*the disk is nearly full.*"plugin":"p"/)
  })
})

const needs: [call: string, permission: string, (api: Api) => Promise<unknown>][] = [
  ["entities.get", "entities:read", (api) => api.entities.get(1)],
  ["entities.list", "entities:read", (api) => api.entities.list()],
  ["entities.create", "entities:write", (api) => api.entities.create(server)],
  ["entities.update", "entities:write", (api) => api.entities.update(1, {})],
  ["entities.delete", "entities:write", (api) => api.entities.delete(1)],
  ["entries.get", "entries:read", (api) => api.entries.get(1)],
  ["entries.list", "entries:read", (api) => api.entries.list()],
  ["entries.count", "entries:read", (api) => api.entries.count()],
  ["entries.aggregate", "entries:read", (api) => api.entries.aggregate({ group_by: "entity" })],
  ["entries.create", "entries:write", (api) => api.entries.create({ entity: 1, name: "x" })],
  ["entries.update", "entries:write", (api) => api.entries.update(1, {})],
  ["entries.delete", "entries:write", (api) => api.entries.delete(1)],
  ["entries.restore", "entries:write", (api) => api.entries.restore(1)],
  ["services.search", "entries:read", (api) => api.services.search("x")],
  ["services.users.get", "users:read", (api) => api.services.users.get("alice")],
  ["as", "system", (api) => api.as({ id: "alice" })],
  ["asSystem", "system", (api) => api.asSystem()],
]

eachDatabase((_, open) => {
  test("each call without its grant is refused and names the permission, with every other grant too", async () => {
    const database = await open()
    for (const [call, permission, run] of needs) {
      const others = all.filter((one) => one !== permission)
      const error = (await run(openApi(database, others).root).catch((error) => error)) as Error & { code: string }
      expect([call, error.name, error.code, apiErrorStatus(error)]).toEqual([
        call,
        "PluginSecurityError",
        "PERMISSION_MISSING",
        403,
      ])
      expect(error.message).toContain(`"${permission}"`)
    }
  })

  test("where nobody is logged in there is nobody's access", async () => {
    const { apiFor, core } = openApi(await open())
    expect(await refused(apiFor(null).entries.list())).toMatchObject({ status: 403, code: "FORBIDDEN" })
    const told: unknown[] = []
    core.hooks.register(toTestHook("p:done", (event) => void told.push(event)))
    await apiFor(null).hooks.emit("p:done", { rows: 1 })
    await apiFor(null).hooks.emit("p:done")
    expect(told).toEqual([
      { user: null, data: { rows: 1 } },
      { user: null, data: null },
    ])
  })
})
