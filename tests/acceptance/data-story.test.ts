import { expect, test } from "bun:test"
import { eachDataHost } from "../support/data-host.ts"
import type { Answer } from "../support/host.ts"

/** Counts what it hears after an update, by the id of the entry. */
const listener = {
  permissions: ["entries:read"],
  code: `/** @pagoda {"id": "listener", "permissions": ["entries:read"]} */
import { definePlugin, onEntry } from "@pagoda/sdk"
const heard = {}
export default definePlugin({
  id: "listener", name: "Listener", version: "1.0.0", permissions: ["entries:read"],
  routes: (app) => app.get("/heard/:id", ({ params }) => ({ count: heard[params.id] ?? 0 })),
  hooks: [onEntry("after_update", {}, async ({ entry }) => { heard[entry.id] = (heard[entry.id] ?? 0) + 1 })],
})`,
}

const everyType = [
  ...["string", "text", "boolean", "number", "date", "datetime", "select", "multi_select", "object", "named_object"],
  ...["group", "role"],
  ...["array_string", "array_number", "array_object", "array_named_object", "array_group", "array_role"],
]

const pathsOf = ({ body }: Answer): string[] => body.errors.map(({ path }: { path: string }) => path)
const namesOf = ({ body }: Answer): string[] => body.results.map(({ name }: { name: string }) => name)
const secret = { is_public: false, default_permission: "nothing" }

eachDataHost({ listener }, (data) => {
  const { ask, make, person, fresh } = data
  const server = (attrs: object[] = [], more: object = {}) =>
    make("/entities", { name: fresh("Server"), attrs, ...more })
  const add = (entity: { id: number }, name: string, attrs: object = {}) =>
    make(`/entities/${entity.id}/entries`, { name, attrs })
  const allow = (what: "entities" | "attributes" | "entries", id: number, roles: object[] = []) =>
    make(`/${what}/${id}/acl`, { ...secret, roles }, "PUT")

  test("a name that is missing, no string, too long or taken is refused with a code of its own and its path", async () => {
    const { id, name } = await server()
    await add({ id }, "web-1")
    const cases: [unknown, string, number][] = [
      [undefined, "NAME_MISSING", 422],
      [7, "NAME_INVALID", 422],
      ["n".repeat(201), "NAME_TOO_LONG", 422],
    ]
    for (const [path, taken] of [
      ["/entities", name],
      [`/entities/${id}/entries`, "web-1"],
    ]) {
      for (const [given, code, status] of [...cases, [taken, "NAME_TAKEN", 409] as const]) {
        const refused = await ask(path as string, { body: { name: given, attrs: path === "/entities" ? [] : {} } })
        expect([given, refused.status, refused.body.code]).toEqual([given, status, code])
        expect(pathsOf(refused)).toEqual(["name"])
      }
    }
    expect((await add({ id }, "n".repeat(200))).name).toHaveLength(200)
  })

  test("text with a NUL, which one of the databases cannot hold, is unknown as an id and found nowhere", async () => {
    const entity = await server([{ name: "note", type: "string" }])
    const asked: [string, string, unknown, number][] = [
      ["GET", "/users/a%00b", undefined, 404],
      ["PATCH", "/users/a%00b", { is_readonly: true }, 404],
      ["DELETE", "/users/a%00b", undefined, 404],
      ["DELETE", "/tokens/a%00b", undefined, 404],
      ["GET", "/entries?entity=a%00b", undefined, 404],
      ["POST", "/groups", { name: fresh("group"), members: ["a\0b"] }, 422],
      ["POST", "/users", { username: "a\0b", password: "long enough" }, 422],
      ["POST", "/auth/login", { username: "a\0b", password: "a\0b" }, 401],
      ["GET", `/entries?entity=${entity.id}&filter[note]=a%00b&search=a%00b`, undefined, 200],
      ["GET", "/search?q=a%00b", undefined, 200],
      ["GET", "/entities?search=a%00b", undefined, 200],
    ]
    for (const [method, path, body, status] of asked) {
      expect([method, path, (await ask(path, { method, body })).status]).toEqual([method, path, status])
    }
  })

  test("two attributes of one name and an unknown type are refused under attrs.1, and nothing is written", async () => {
    const name = fresh("Refused")
    const first = { name: "cpu", type: "number" }
    for (const second of [first, { name: "ram", type: "wood" }]) {
      const refused = await ask("/entities", { body: { name, attrs: [first, second] } })
      expect(refused.status).toBe(422)
      for (const path of pathsOf(refused)) expect(path).toStartWith("attrs.1")
    }
    expect((await ask(`/entities?search=${name}`)).body.count).toBe(0)
  })

  test("an entry with every attribute type reads back equal", async () => {
    const other = await server()
    const [first, second] = [await add(other, "first"), await add(other, "second")]
    const group = await make("/groups", { name: fresh("group") })
    const role = await make("/roles", { name: fresh("role") })
    const choices = ["red", "green", "blue"]
    const entity = await server(everyType.map((type) => ({ name: `a_${type}`, type, choices, referral: [] })).map(fit))
    const attrs = {
      a_string: "Größe 💥",
      a_text: "two\nlines",
      a_boolean: false,
      a_number: 9_007_199_254_740_991,
      a_date: "2024-02-29",
      a_datetime: "2026-11-22T12:34:56.789Z",
      a_select: "red",
      a_multi_select: ["green", "blue"],
      a_object: first.id,
      a_named_object: { name: "main", id: second.id },
      a_group: group.id,
      a_role: role.id,
      a_array_string: ["b", "a", "b"],
      a_array_number: [1, 0.1, -2.5e-7],
      a_array_object: [second.id, first.id],
      a_array_named_object: [{ name: "spare", id: first.id }],
      a_array_group: [group.id],
      a_array_role: [role.id],
    }
    const made = await add(entity, "all", attrs)
    expect(made.attrs).toEqual(attrs)
    const read = await ask(`/entries/${made.id}`)
    expect(read.body).toEqual(made)
    expect(read.body.entity).toEqual({ id: entity.id, name: entity.name })
    expect((await ask(`/entities/${entity.id}/entries`)).body.results).toEqual([made])
  })

  test("unknown attributes, bad references and missing mandatory values are refused with their paths, all at once", async () => {
    const wanted = await server()
    const wrong = await add(await server(), "elsewhere")
    const entity = await server([
      { name: "must", type: "string", is_mandatory: true },
      { name: "ref", type: "object", referral: [wanted.id] },
      { name: "refs", type: "array_object", referral: [] },
    ])
    const attrs = { nonsense: 1, ref: wrong.id, refs: [wrong.id, 999_999_999] }
    const refused = await ask(`/entities/${entity.id}/entries`, { body: { name: "x", attrs } })
    expect(refused).toMatchObject({ status: 422, type: "application/problem+json" })
    expect(new Set(pathsOf(refused))).toEqual(new Set(["attrs.must", "attrs.nonsense", "attrs.ref", "attrs.refs.1"]))
    expect((await ask(`/entities/${entity.id}/entries`)).body.count).toBe(0)
  })

  test("defaults fill what is left out, and a given value wins", async () => {
    const entity = await server([{ name: "size", type: "number", default_value: 4 }])
    expect((await add(entity, "left out")).attrs.size).toBe(4)
    expect((await add(entity, "given", { size: 0 })).attrs.size).toBe(0)
  })

  test("writing equal values makes no version, no history and fires no after hook", async () => {
    const entity = await server([{ name: "size", type: "number" }])
    const { id, version } = await add(entity, "same", { size: 4 })
    const same = await make(`/entries/${id}`, { name: "same", attrs: { size: 4 } }, "PATCH")
    expect(same.version).toBe(version)
    expect((await ask(`/entries/${id}/history`)).body.count).toBe(1)
    expect((await ask(`/plugins/listener/heard/${id}`)).body).toEqual({ count: 0 })
    const changed = await make(`/entries/${id}`, { attrs: { size: 5 } }, "PATCH")
    expect(changed.version).toBe(version + 1)
    expect((await ask(`/plugins/listener/heard/${id}`)).body).toEqual({ count: 1 })
  })

  test("a PATCH merges the attributes that it names, and a stale If-Match is 412", async () => {
    const entity = await server([
      { name: "cpu", type: "number" },
      { name: "note", type: "string" },
    ])
    const { id, version } = await add(entity, "merged", { cpu: 1, note: "a" })
    const patch = (body: object, match: unknown) =>
      ask(`/entries/${id}`, { method: "PATCH", body, headers: { "if-match": String(match) } })
    expect(await patch({ attrs: { cpu: 2 } }, version)).toMatchObject({
      status: 200,
      body: { attrs: { cpu: 2, note: "a" } },
    })
    expect((await patch({ attrs: { cpu: 3 } }, version)).status).toBe(412)
    expect((await ask(`/entries/${id}`)).body.attrs).toEqual({ cpu: 2, note: "a" })
  })

  test("a deleted entry frees its name at once, is read as inactive by its id, and comes back by a restore", async () => {
    const entity = await server()
    const { id } = await add(entity, "web")
    expect(await ask(`/entries/${id}`, { method: "DELETE" })).toMatchObject({ status: 204, body: "" })
    expect((await ask(`/entries/${id}`)).body).toMatchObject({ name: expect.any(String), is_active: false })
    expect((await ask(`/entities/${entity.id}/entries`)).body.count).toBe(0)
    expect((await ask(`/entities/${entity.id}/entries?is_active=false`)).body.count).toBe(1)
    expect((await ask(`/entries/${id}`, { method: "DELETE" })).status).toBe(404)

    const second = await add(entity, "web")
    const restore = () => ask(`/entries/${id}/restore`, { method: "POST" })
    expect(await restore()).toMatchObject({ status: 409, body: { code: "NAME_TAKEN" } })
    await ask(`/entries/${second.id}`, { method: "DELETE" })
    expect(await restore()).toMatchObject({ status: 200, body: { id, name: "web", is_active: true } })
  })

  test("history says who changed what and when, newest first, and an old value can be put back", async () => {
    const entity = await server([{ name: "cpu", type: "number" }])
    const { id } = await add(entity, "old", { cpu: 1 })
    const writer = await person()
    await writer.ask(`/entries/${id}`, { method: "PATCH", body: { name: "new", attrs: { cpu: 2 } } })
    const { results } = (await ask(`/entries/${id}/history`)).body
    expect(results.map(({ version }: { version: number }) => version)).toEqual([2, 1])
    expect(results[0]).toMatchObject({ user: { id: writer.id, username: writer.username } })
    expect(Math.abs(Date.now() - Date.parse(results[0].created_at))).toBeLessThan(60_000)
    expect(results[0].changes).toContainEqual(expect.objectContaining({ name: "name", old: "old", new: "new" }))
    const change = results[0].changes.find(({ name }: { name: string }) => name === "cpu")
    expect(change).toMatchObject({ old: 1, new: 2 })
    const back = await make(`/entries/${id}`, { attrs: { cpu: change.old } }, "PATCH")
    expect(back).toMatchObject({ version: 3, attrs: { cpu: 1 }, name: "new" })
    expect((await ask(`/entries/${id}/history`)).body.count).toBe(3)
  })

  test("of many who take one name at once one gets it, and updates at once of different attributes all stay", async () => {
    const names = ["a", "b", "c", "d", "e", "f"]
    const entity = await server(names.map((name) => ({ name, type: "number" })))
    const made = await Promise.all(
      names.map(() => ask(`/entities/${entity.id}/entries`, { body: { name: "contended", attrs: {} } })),
    )
    expect(made.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409, 409])
    const { id } = made.find(({ status }) => status === 201)!.body
    const changes = names.map((name, index) =>
      ask(`/entries/${id}`, { method: "PATCH", body: { attrs: { [name]: index } } }),
    )
    expect((await Promise.all(changes)).map(({ status }) => status)).toEqual(names.map(() => 200))
    const { version, attrs } = (await ask(`/entries/${id}`)).body
    expect(attrs).toEqual(Object.fromEntries(names.map((name, index) => [name, index])))
    expect(version).toBe(1 + names.length)
    const versions = (await ask(`/entries/${id}/history`)).body.results.map((one: { version: number }) => one.version)
    expect(versions).toEqual([7, 6, 5, 4, 3, 2, 1])
  })

  test("names keep to the entity's pattern, and no pattern can hang the host", async () => {
    const entity = await server([], { item_name_pattern: "^web-\\d+$" })
    await add(entity, "web-1")
    const refused = await ask(`/entities/${entity.id}/entries`, { body: { name: "db-1", attrs: {} } })
    expect([refused.status, ...pathsOf(refused)]).toEqual([422, "name"])
    const greedy = await server([], { item_name_pattern: "^(a+)+$" })
    const start = performance.now()
    expect((await ask(`/entities/${greedy.id}/entries`, { body: { name: `${"a".repeat(199)}!` } })).status).toBe(422)
    expect(performance.now() - start).toBeLessThan(2000)
    const broken = await ask("/entities", { body: { name: fresh("Broken"), attrs: [], item_name_pattern: "(" } })
    expect([broken.status, ...pathsOf(broken)]).toEqual([422, "item_name_pattern"])
  })

  test("copies are made all or none", async () => {
    const entity = await server([{ name: "cpu", type: "number" }])
    const { id } = await add(entity, "one", { cpu: 7 })
    const refused = await ask(`/entries/${id}/copy`, { body: { names: ["two", "one"] } })
    expect(refused).toMatchObject({ status: 409, body: { code: "NAME_TAKEN" } })
    expect(pathsOf(refused)).toEqual(["names.1"])
    expect((await ask(`/entries/${id}/copy`, { body: { names: ["two", "three"] } })).status).toBe(201)
    const { body } = await ask(`/entries?entity=${entity.id}&ordering=name&filter[cpu]=7`)
    expect(namesOf({ body } as Answer)).toEqual(["one", "three", "two"])
  })

  test("an entity with live entries cannot be deleted", async () => {
    const entity = await server()
    const { id } = await add(entity, "alive")
    const remove = () => ask(`/entities/${entity.id}`, { method: "DELETE" })
    expect((await remove()).status).toBe(409)
    await ask(`/entries/${id}`, { method: "DELETE" })
    expect((await remove()).status).toBe(204)
    expect((await server([], { name: entity.name })).id).not.toBe(entity.id)
  })

  test("lists filter and order by attributes, and tell where there is more", async () => {
    const entity = await server([
      { name: "cpu", type: "number" },
      { name: "note", type: "string" },
    ])
    for (const [name, cpu, note] of [
      ["a", 8, "Ümlaut"],
      ["b", 2, "x"],
      ["c", 16, null],
      ["d", 4, "100%"],
    ] as const) {
      await add(entity, name, { cpu, note })
    }
    const list = async (query: string) => namesOf(await ask(`/entries?entity=${entity.id}&${query}`))
    expect(await list("ordering=-cpu")).toEqual(["c", "a", "d", "b"])
    expect(await list("ordering=cpu&filter[cpu][gte]=4&filter[cpu][lt]=16")).toEqual(["d", "a"])
    expect(await list("ordering=name&filter%5Bcpu%5D%5Bin%5D=2,16")).toEqual(["b", "c"])
    expect(await list("filter[note][contains]=%C3%BCML")).toEqual(["a"])
    expect(await list("filter[note][contains]=%25")).toEqual(["d"])
    expect(await list("filter[note][isnull]=true")).toEqual(["c"])
    const wrong = await ask(`/entries?entity=${entity.id}&filter[cpu][gte]=many`)
    expect([wrong.status, ...pathsOf(wrong)]).toEqual([422, "filter.cpu.gte"])
    const page = await ask(`/entities/${entity.id}/entries?ordering=name&limit=3`)
    expect(page.body).toMatchObject({ count: 4, previous: null })
    const next = await data.host().ask(page.body.next)
    expect(namesOf(next)).toEqual(["d"])
  })

  test("a private entity is not there for who has no role; readable on the entity is enough unless the entry is private too", async () => {
    const reader = await person()
    const role = await make("/roles", { name: fresh("readers"), users: [reader.id] })
    const entity = await server([{ name: "cpu", type: "number" }])
    const [open, closed] = [await add(entity, "open"), await add(entity, "closed")]
    await allow("entities", entity.id)
    await allow("entries", closed.id)
    const statusOf = async (id: number) => (await reader.ask(`/entries/${id}`)).status
    expect([await statusOf(open.id), await statusOf(closed.id)]).toEqual([404, 404])
    expect((await reader.ask(`/entities/${entity.id}`)).status).toBe(404)
    await allow("entities", entity.id, [{ role_id: role.id, level: "readable" }])
    expect([await statusOf(open.id), await statusOf(closed.id)]).toEqual([200, 404])
    await allow("entries", closed.id, [{ role_id: role.id, level: "readable" }])
    expect(await statusOf(closed.id)).toBe(200)
  })

  test("update, delete, restore and copy need writable on the entity and on the entry", async () => {
    const writer = await person()
    const role = await make("/roles", { name: fresh("writers"), users: [writer.id] })
    const entity = await server([{ name: "cpu", type: "number" }])
    const { id } = await add(entity, "guarded")
    const levels = (onEntity: string, onEntry: string) =>
      Promise.all([
        allow("entities", entity.id, [{ role_id: role.id, level: onEntity }]),
        allow("entries", id, [{ role_id: role.id, level: onEntry }]),
      ])
    const writes = () => [
      writer.ask(`/entries/${id}`, { method: "PATCH", body: { attrs: { cpu: 1 } } }),
      writer.ask(`/entries/${id}`, { method: "DELETE" }),
      writer.ask(`/entries/${id}/restore`, { method: "POST" }),
      writer.ask(`/entries/${id}/copy`, { body: { names: [fresh("copy")] } }),
    ]
    for (const [onEntity, onEntry] of [
      ["readable", "writable"],
      ["writable", "readable"],
    ] as const) {
      await levels(onEntity, onEntry)
      expect((await Promise.all(writes())).map(({ status }) => status)).toEqual([403, 403, 403, 403])
    }
    await levels("writable", "writable")
    const patched = await writer.ask(`/entries/${id}`, { method: "PATCH", body: { attrs: { cpu: 1 } } })
    const copied = await writer.ask(`/entries/${id}/copy`, { body: { names: [fresh("copy")] } })
    const deleted = await writer.ask(`/entries/${id}`, { method: "DELETE" })
    const restored = await writer.ask(`/entries/${id}/restore`, { method: "POST" })
    expect([patched, copied, deleted, restored].map(({ status }) => status)).toEqual([200, 201, 204, 200])
  })

  test("a group's role reaches the members of its child groups, and writable lets them read", async () => {
    const member = await person()
    const outsider = await person()
    const parent = await make("/groups", { name: fresh("parent") })
    await make("/groups", { name: fresh("child"), parent_group_id: parent.id, members: [member.id] })
    const role = await make("/roles", { name: fresh("team"), groups: [parent.id] })
    const entity = await server()
    const { id } = await add(entity, "of the team")
    await allow("entities", entity.id, [{ role_id: role.id, level: "writable" }])
    expect((await member.ask(`/entries/${id}`)).status).toBe(200)
    expect((await member.ask(`/entries/${id}`, { method: "PATCH", body: { name: "renamed" } })).status).toBe(200)
    expect((await outsider.ask(`/entries/${id}`)).status).toBe(404)
  })

  test("an ACL changes by who has full on it alone, and not so that nothing grants full", async () => {
    const owner = await person()
    const role = await make("/roles", { name: fresh("owners"), users: [owner.id] })
    const entity = await server()
    const grant = (level: string) => ({ ...secret, roles: [{ role_id: role.id, level }] })
    const put = (ask: typeof data.ask, body: object) => ask(`/entities/${entity.id}/acl`, { method: "PUT", body })
    await put(ask, grant("writable"))
    expect((await put(owner.ask, grant("full"))).status).toBe(403)
    await put(ask, grant("full"))
    expect((await put(owner.ask, grant("writable"))).status).toBe(422)
    expect((await put(owner.ask, { ...grant("readable"), is_public: true })).status).toBe(200)
    expect((await put(ask, { ...secret, roles: [] })).status).toBe(200)
  })

  test("a read-only user reads and never writes, whatever the roles say; nobody gives himself admin", async () => {
    const reader = await person({ is_readonly: true })
    const role = await make("/roles", { name: fresh("all"), users: [reader.id] })
    const entity = await server([{ name: "cpu", type: "number" }])
    const { id } = await add(entity, "still")
    await allow("entities", entity.id, [{ role_id: role.id, level: "full" }])
    expect((await reader.ask(`/entries/${id}`)).status).toBe(200)
    const writes = await Promise.all([
      reader.ask("/entities", { body: { name: fresh("mine"), attrs: [] } }),
      reader.ask(`/entities/${entity.id}/entries`, { body: { name: "mine", attrs: {} } }),
      reader.ask(`/entities/${entity.id}`, { method: "PATCH", body: { note: "mine" } }),
      reader.ask(`/entities/${entity.id}/acl`, {
        method: "PUT",
        body: { is_public: true, default_permission: "nothing", roles: [] },
      }),
      reader.ask(`/entries/${id}`, { method: "PATCH", body: { attrs: { cpu: 1 } } }),
      reader.ask(`/entries/${id}`, { method: "DELETE" }),
      reader.ask(`/entries/${id}/copy`, { body: { names: ["mine"] } }),
    ])
    expect(writes.map(({ status }) => status)).toEqual(writes.map(() => 403))
    for (const body of [{ is_admin: true }, { is_readonly: false }]) {
      expect((await reader.ask(`/users/${reader.id}`, { method: "PATCH", body })).status).toBe(403)
    }
    expect((await reader.ask("/me")).body).toMatchObject({ is_admin: false, is_readonly: true })
  })

  test("an attribute that one may not write is refused with its path, and nothing of the change is kept", async () => {
    const writer = await person()
    const entity = await server([
      { name: "cpu", type: "number" },
      { name: "price", type: "number" },
    ])
    const { id } = await add(entity, "priced", { cpu: 1, price: 1 })
    await make(`/attributes/${entity.attrs[1].id}/acl`, { ...secret, default_permission: "readable", roles: [] }, "PUT")
    const refused = await writer.ask(`/entries/${id}`, { method: "PATCH", body: { attrs: { cpu: 2, price: 2 } } })
    expect([refused.status, ...pathsOf(refused)]).toEqual([403, "attrs.price"])
    expect((await writer.ask(`/entries/${id}`)).body.attrs).toEqual({ cpu: 1, price: 1 })
    expect((await writer.ask(`/entries/${id}`, { method: "PATCH", body: { attrs: { cpu: 2 } } })).status).toBe(200)
  })

  test("what an admin changes is on record with who did it, and no password is", async () => {
    const { id, ask: asPerson } = await person()
    const role = await make("/roles", { name: fresh("audited"), users: [id] })
    const entity = await server()
    await allow("entities", entity.id, [{ role_id: role.id, level: "full" }])
    const { body } = await ask("/admin/audit?limit=1000")
    const found = body.results.map((one: any) => `${one.object_type} ${one.object_id} ${one.user.username}`)
    expect(found).toEqual(
      expect.arrayContaining([`user ${id} admin`, `role ${role.id} admin`, `entity ${entity.id} admin`]),
    )
    expect(JSON.stringify(body)).not.toContain("correct horse")
    expect((await asPerson("/admin/audit")).status).toBe(403)
  })

  test("lists, counts, search and referrals never show what the caller may not read", async () => {
    const outsider = await person()
    const word = fresh("needle")
    const entity = await server([
      { name: "ref", type: "object", referral: [] },
      { name: "hidden", type: "string" },
    ])
    const target = await add(entity, `${word} target`)
    const seen = await add(entity, `${word} seen`, { ref: target.id, hidden: `${word} value` })
    const private_ = await add(entity, `${word} private`, { ref: target.id })
    await add(entity, "only its value says it", { hidden: word })
    await allow("entries", private_.id)
    await allow("attributes", entity.attrs[1].id)

    const all = async (who: typeof data.ask, path: string) => {
      const answer = await who(path)
      return [answer.body.count, namesOf(answer).toSorted()]
    }
    const lists: [string, string[], string[]][] = [
      [`/entries?entity=${entity.id}&search=${word}`, [target.name, seen.name], [private_.name]],
      [`/entries/${target.id}/referrals`, [seen.name], [private_.name]],
      [`/search?q=${word}`, [target.name, seen.name], [private_.name, "only its value says it"]],
    ]
    for (const [path, visible, hidden] of lists) {
      const [, names] = await all(ask, path)
      expect(names).toEqual(expect.arrayContaining([...visible, ...hidden]))
      expect(await all(outsider.ask, path)).toEqual([visible.length, visible.toSorted()])
    }
    const { body } = await outsider.ask(`/entries/${seen.id}`)
    expect(body.attrs).toEqual({ ref: target.id })
    const history = JSON.stringify((await outsider.ask(`/entries/${seen.id}/history`)).body)
    expect(history).not.toContain(`${word} value`)
    expect((await outsider.ask(`/entries?entity=${entity.id}&filter[hidden]=${word}`)).status).toBe(422)
    expect((await outsider.ask(`/entries?entity=${entity.id}&ordering=hidden`)).status).toBe(422)
    const schema = await outsider.ask(`/entities/${entity.id}`)
    expect(schema.body.attrs.map(({ name }: { name: string }) => name)).toEqual(["ref"])
  })
})

/** Choices and referrals only where the type has them. */
function fit({
  choices,
  referral,
  ...attribute
}: {
  name: string
  type: string
  choices: string[]
  referral: number[]
}) {
  return {
    ...attribute,
    ...(attribute.type.includes("select") && { choices }),
    ...(attribute.type.includes("object") && { referral }),
  }
}
