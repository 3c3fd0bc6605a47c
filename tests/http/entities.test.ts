import { expect, test } from "bun:test"
import type { Attribute, Entity, Page } from "@pagoda/sdk"
import { attributeTypes } from "../../src/core/kinds.ts"
import { openTestApp, type TestApp } from "../support/app.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"

type Headers = Record<string, string>

const url = "/api/v2/entities"

/** A client of one user. */
function clientOf(app: TestApp, headers: Headers) {
  const send = (method: string, path: string, body?: unknown, more: Headers = {}) =>
    app.request(path, {
      method,
      headers: { ...headers, ...more },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    send,
    async create(body: unknown): Promise<Entity> {
      const response = await send("POST", url, body)
      expect(response.status).toBe(201)
      return (await response.json()) as Entity
    },
    async get(id: number): Promise<Entity> {
      const response = await send("GET", `${url}/${id}`)
      expect(response.status).toBe(200)
      return (await response.json()) as Entity
    },
    async list(query = ""): Promise<Page<Entity>> {
      const response = await send("GET", `${url}${query}`)
      expect(response.status).toBe(200)
      return (await response.json()) as Page<Entity>
    },
    async refused(method: string, path: string, body?: unknown, more: Headers = {}) {
      return readProblem(await send(method, path, body, more))
    },
  }
}

async function openAdmin(app: TestApp) {
  const { headers, user } = await app.login("ana", true)
  return { ...clientOf(app, headers), user }
}

const pathsOf = ({ errors }: { errors?: { path: string }[] }) => errors?.map(({ path }) => path)

eachDatabase((_, open) => {
  test("an entity is made, read, changed and deleted", async () => {
    await using app = await openTestApp(await open())
    const { create, send, get, user } = await openAdmin(app)
    const made = await create({
      name: "Server",
      note: "machines",
      attrs: [
        { name: "cpu", type: "number", is_mandatory: true },
        { name: "os", type: "select", choices: ["linux", "bsd"], default_value: "bsd" },
      ],
    })
    expect(made).toMatchObject({
      name: "Server",
      note: "machines",
      item_name_pattern: "",
      is_public: true,
      default_permission: "nothing",
      is_active: true,
      version: 1,
      created_by: user.id,
      updated_by: user.id,
    })
    const [cpu, os] = made.attrs as [Attribute, Attribute]
    expect(cpu).toEqual({
      id: cpu.id,
      name: "cpu",
      type: "number",
      is_mandatory: true,
      referral: [],
      choices: [],
      default_value: null,
      index: 0,
    })
    expect(os).toMatchObject({ choices: ["linux", "bsd"], default_value: "bsd", index: 1 })
    expect(await get(made.id)).toEqual(made)

    const attrs = [
      { id: cpu.id, name: "cores" },
      { id: os.id, is_deleted: true },
      { name: "rack", type: "string" },
    ]
    const changed = (await (await send("PATCH", `${url}/${made.id}`, { note: "", attrs })).json()) as Entity
    expect(changed).toMatchObject({ name: "Server", note: "", version: 2 })
    expect(
      changed.attrs.map(({ id, name, is_mandatory, index }) => [id === cpu.id, name, is_mandatory, index]),
    ).toEqual([
      [true, "cores", true, 0],
      [false, "rack", false, 2],
    ])

    expect((await send("DELETE", `${url}/${made.id}`)).status).toBe(204)
    expect(await get(made.id)).toMatchObject({ is_active: false, version: 3 })
    expect((await send("DELETE", `${url}/${made.id}`)).status).toBe(404)
    expect((await send("PATCH", `${url}/${made.id}`, { note: "x" })).status).toBe(404)
    expect((await create({ name: "Server" })).id).not.toBe(made.id)
  })

  test("an entity has attributes of every type", async () => {
    await using app = await openTestApp(await open())
    const { create } = await openAdmin(app)
    const made = await create({ name: "All", attrs: attributeTypes.map((type) => ({ name: type, type })) })
    expect(made.attrs.map(({ type }) => type)).toEqual(attributeTypes)
  })

  test.each([
    [{}, "NAME_MISSING"],
    [{ name: null }, "NAME_MISSING"],
    [{ name: "" }, "NAME_MISSING"],
    [{ name: 5 }, "NAME_INVALID"],
    [{ name: "a\u0000" }, "NAME_INVALID"],
    [{ name: "x".repeat(201) }, "NAME_TOO_LONG"],
  ])("a name %j is refused with a code of its own", async (body, code) => {
    await using app = await openTestApp(await open())
    const { refused } = await openAdmin(app)
    expect(await refused("POST", url, body)).toMatchObject({ status: 422, code, errors: [{ path: "name", code }] })
  })

  test("a name of 200 characters is taken, whatever the characters; a taken one is 409", async () => {
    await using app = await openTestApp(await open())
    const { create, refused } = await openAdmin(app)
    const name = "😀".repeat(200)
    const { id } = await create({ name })
    const other = await create({ name: "Other" })
    const taken = { status: 409, code: "NAME_TAKEN", errors: [{ path: "name", code: "NAME_TAKEN" }] }
    expect(await refused("POST", url, { name })).toMatchObject(taken)
    expect(await refused("PATCH", `${url}/${other.id}`, { name })).toMatchObject(taken)
    expect(id).toBeNumber()
  })

  test("two attributes of one name and an unknown type are refused under attrs.1, and nothing is written", async () => {
    await using app = await openTestApp(await open())
    const { refused, list } = await openAdmin(app)
    const cpu = { name: "cpu", type: "number" }
    const twice = await refused("POST", url, { name: "Server", attrs: [cpu, cpu] })
    expect(twice).toMatchObject({ status: 422, code: "VALIDATION_FAILED", errors: [{ path: "attrs.1" }] })
    const unknown = await refused("POST", url, { name: "Server", attrs: [cpu, { name: "os", type: "toString" }] })
    expect(unknown).toMatchObject({ status: 422, errors: [{ path: "attrs.1", code: "TYPE_UNKNOWN" }] })
    expect((await list("?is_active=all")).count).toBe(0)
  })

  test("all that is wrong with a body is told at once", async () => {
    await using app = await openTestApp(await open())
    const { refused } = await openAdmin(app)
    const problem = await refused("POST", url, {
      note: 5,
      colour: "red",
      item_name_pattern: "(a",
      is_public: "yes",
      default_permission: "some",
      attrs: [
        { name: "", type: "string", size: 1 },
        { name: "a", type: "select", choices: ["x", "x"], is_mandatory: 1, index: -1 },
        { name: "b", type: "number", default_value: "5", referral: [1] },
        { name: "c", type: "object", referral: [4711, "x"], default_value: 4711 },
        5,
      ],
    })
    expect(problem.status).toBe(422)
    expect(pathsOf(problem)?.sort()).toEqual(
      [
        "attrs.0.name",
        "attrs.0.size",
        "attrs.1.choices.1",
        "attrs.1.index",
        "attrs.1.is_mandatory",
        "attrs.2.default_value",
        "attrs.2.referral",
        "attrs.3.default_value",
        "attrs.3.referral.0",
        "attrs.3.referral.1",
        "attrs.4",
        "colour",
        "default_permission",
        "is_public",
        "item_name_pattern",
        "name",
        "note",
      ].sort(),
    )
  })

  test.each([[[]], ["x"], [5], [null]])("the body %j is no entity", async (body) => {
    await using app = await openTestApp(await open())
    const { refused } = await openAdmin(app)
    expect((await refused("POST", url, body)).status).toBe(422)
  })

  test("a change that changes nothing makes no version", async () => {
    await using app = await openTestApp(await open())
    const { create, send } = await openAdmin(app)
    const made = await create({ name: "Server", attrs: [{ name: "cpu", type: "number" }] })
    const attrs = [{ id: made.attrs[0]?.id, name: "cpu" }]
    const same = await send("PATCH", `${url}/${made.id}`, { name: "Server", attrs })
    expect(await same.json()).toEqual(made)
  })

  test("names of attributes can be exchanged in one change, and one that was removed can come again", async () => {
    await using app = await openTestApp(await open())
    const { create, send } = await openAdmin(app)
    const { id, attrs } = await create({
      name: "S",
      attrs: [
        { name: "a", type: "number" },
        { name: "b", type: "text" },
      ],
    })
    const [a, b] = attrs as [Attribute, Attribute]
    const swap = await send("PATCH", `${url}/${id}`, {
      attrs: [
        { id: a.id, name: "b" },
        { id: b.id, name: "a" },
      ],
    })
    const swapped = (await swap.json()) as Entity
    expect(swapped.attrs.map(({ name, type }) => [name, type])).toEqual([
      ["b", "number"],
      ["a", "text"],
    ])
    const again = await send("PATCH", `${url}/${id}`, {
      attrs: [
        { id: a.id, is_deleted: true },
        { name: "b", type: "date" },
      ],
    })
    const found = (await again.json()) as Entity
    expect(found.attrs.map(({ name, type }) => [name, type])).toEqual([
      ["a", "text"],
      ["b", "date"],
    ])
  })

  test("a change of attributes that are not there, or twice, is refused", async () => {
    await using app = await openTestApp(await open())
    const { create, refused } = await openAdmin(app)
    const { id, attrs } = await create({
      name: "S",
      attrs: [
        { name: "a", type: "number" },
        { name: "b", type: "text" },
      ],
    })
    const [a] = attrs as [Attribute]
    const problem = await refused("PATCH", `${url}/${id}`, {
      attrs: [
        { id: 999_999, name: "x" },
        { id: a.id, index: 5 },
        { id: a.id, index: 6 },
        { is_deleted: true },
        { name: "b", type: "text" },
      ],
      is_public: false,
    })
    expect(problem).toMatchObject({ status: 422 })
    expect(pathsOf(problem)).toEqual(["is_public", "attrs.0.id", "attrs.2.id", "attrs.3.id", "attrs.4"])
  })

  test("a stale If-Match is 412, the right one is taken", async () => {
    await using app = await openTestApp(await open())
    const { create, send, refused } = await openAdmin(app)
    const { id } = await create({ name: "Server" })
    expect((await send("PATCH", `${url}/${id}`, { note: "1" }, { "if-match": "1" })).status).toBe(200)
    const stale = await refused("PATCH", `${url}/${id}`, { note: "2" }, { "if-match": '"1"' })
    expect(stale).toMatchObject({ status: 412, code: "VERSION_STALE" })
    expect((await refused("DELETE", `${url}/${id}`, undefined, { "if-match": "1" })).status).toBe(412)
    expect((await refused("PATCH", `${url}/${id}`, {}, { "if-match": "x" })).status).toBe(422)
    expect((await send("DELETE", `${url}/${id}`, undefined, { "if-match": "2" })).status).toBe(204)
  })

  test("the list is by name, in pages, with a search in any letter case", async () => {
    await using app = await openTestApp(await open())
    const { create, list, send } = await openAdmin(app)
    for (const name of ["Zürich", "server", "Server B", "ÜBER", "old"]) await create({ name })
    const all = await list()
    expect(all.results.map(({ name }) => name)).toEqual(["Server B", "Zürich", "old", "server", "ÜBER"])
    const page = await list("?limit=2&offset=2")
    expect(page).toMatchObject({ count: 5, previous: `${url}?limit=2&offset=0`, next: `${url}?limit=2&offset=4` })
    expect(page.results.map(({ name }) => name)).toEqual(["old", "server"])
    expect((await list("?search=SERV")).results.map(({ name }) => name)).toEqual(["Server B", "server"])
    expect((await list("?search=%C3%BC")).results.map(({ name }) => name)).toEqual(["Zürich", "ÜBER"])
    const old = all.results.find(({ name }) => name === "old")
    await send("DELETE", `${url}/${old?.id}`)
    expect((await list()).count).toBe(4)
    expect((await list("?is_active=false")).results.map(({ name }) => name)).toEqual(["old"])
    expect((await list("?is_active=all")).count).toBe(5)
  })

  test("anyone but a read-only user may make an entity, unless nobody could change it", async () => {
    await using app = await openTestApp(await open())
    const { headers } = await app.login("ben")
    const ben = clientOf(app, headers)
    await ben.create({ name: "Mine" })
    await ben.create({ name: "Open", is_public: false, default_permission: "full" })
    const orphan = await ben.refused("POST", url, { name: "X", is_public: false, default_permission: "writable" })
    expect(orphan).toMatchObject({ status: 422, errors: [{ path: "is_public" }] })
    const reader = await app.login("rea")
    await app.accounts.updateUser(reader.user.id, { is_readonly: true })
    const rea = clientOf(app, reader.headers)
    expect((await rea.refused("POST", url, { name: "Y" })).status).toBe(403)
    const [first] = (await rea.list()).results
    expect((await rea.refused("PATCH", `${url}/${first?.id}`, { note: "x" })).status).toBe(403)
    expect((await rea.refused("DELETE", `${url}/${first?.id}`)).status).toBe(403)
  })

  test("what one may not read is not there, what one may only read is not changed", async () => {
    await using app = await openTestApp(await open())
    const admin = await openAdmin(app)
    const ben = clientOf(app, (await app.login("ben")).headers)
    const hidden = await admin.create({ name: "Hidden", is_public: false })
    const read = await admin.create({ name: "Read", is_public: false, default_permission: "readable" })
    const write = await admin.create({ name: "Write", is_public: false, default_permission: "writable" })
    expect((await ben.list()).results.map(({ name }) => name)).toEqual(["Read", "Write"])
    const missing = await ben.refused("GET", `${url}/${hidden.id}`)
    expect(missing.status).toBe(404)
    expect(missing.detail).not.toContain("Hidden")
    expect((await ben.refused("PATCH", `${url}/${hidden.id}`, { note: "x" })).status).toBe(404)
    expect((await ben.refused("PATCH", `${url}/${read.id}`, { note: "x" })).status).toBe(403)
    expect((await ben.send("PATCH", `${url}/${write.id}`, { note: "x" })).status).toBe(200)
    expect((await ben.refused("DELETE", `${url}/${write.id}`)).status).toBe(403)
    const refers = { name: "R", attrs: [{ name: "a", type: "object", referral: [hidden.id, read.id] }] }
    expect(pathsOf(await ben.refused("POST", url, refers))).toEqual(["attrs.0.referral.0"])
  })

  test("an attribute that one may not read is absent, and cannot be changed", async () => {
    await using app = await openTestApp(await open())
    const admin = await openAdmin(app)
    const ben = clientOf(app, (await app.login("ben")).headers)
    const attrs = ["open", "hidden", "read"].map((name) => ({ name, type: "string" }))
    const made = await admin.create({ name: "Server", attrs })
    const [, hidden, read] = made.attrs as [Attribute, Attribute, Attribute]
    const acl = (id: number, default_permission: string) =>
      admin.send("PUT", `/api/v2/attributes/${id}/acl`, { is_public: false, default_permission, roles: [] })
    expect((await acl(hidden.id, "nothing")).status).toBe(200)
    expect((await acl(read.id, "readable")).status).toBe(200)
    expect((await ben.get(made.id)).attrs.map(({ name }) => name)).toEqual(["open", "read"])
    expect((await ben.list()).results[0]?.attrs.map(({ name }) => name)).toEqual(["open", "read"])
    expect((await admin.get(made.id)).attrs).toHaveLength(3)
    const change = (id: number) => ben.refused("PATCH", `${url}/${made.id}`, { attrs: [{ id, name: "mine" }] })
    expect(await change(hidden.id)).toMatchObject({ status: 422, errors: [{ path: "attrs.0.id" }] })
    expect(await change(read.id)).toMatchObject({ status: 403, errors: [{ path: "attrs.0" }] })
  })

  test("every change of an entity is in the audit record", async () => {
    await using app = await openTestApp(await open())
    const { create, send } = await openAdmin(app)
    const { id } = await create({ name: "Server" })
    await send("PATCH", `${url}/${id}`, { note: "x" })
    await send("DELETE", `${url}/${id}`)
    const page = (await (await send("GET", "/api/v2/admin/audit")).json()) as Page<Record<string, unknown>>
    const own = page.results.filter(
      ({ object_type, object_id }) => object_type === "entity" && object_id === String(id),
    )
    expect(own.map(({ action, changes }) => [action, changes])).toEqual([
      ["delete", {}],
      ["update", { note: "x" }],
      ["create", { name: "Server" }],
    ])
  })

  test("an id that cannot be one is 422, one that is not there 404", async () => {
    await using app = await openTestApp(await open())
    const { refused } = await openAdmin(app)
    expect((await refused("GET", `${url}/x`)).status).toBe(422)
    expect((await refused("GET", `${url}/0`)).status).toBe(422)
    expect((await refused("GET", `${url}/${Number.MAX_SAFE_INTEGER}`)).status).toBe(404)
  })
})
