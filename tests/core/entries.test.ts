import { expect, test } from "bun:test"
import type { AttributeType, Entry } from "@pagoda/sdk"
import { openTestCore, rootUser as root } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"
import { problemOf } from "../support/refusal.ts"
import { openServers } from "../support/servers.ts"

const page = { limit: 30, offset: 0 }

eachDatabase((_, open) => {
  test("defaults fill what is left out, a given value wins, and what nobody gave is empty", async () => {
    const core = openTestCore(await open())
    const { make } = await openServers(core)
    const web = await make("web01")
    expect(web.attrs).toEqual({ cpu: 2, serial: "x", owner: null, tags: [] })
    expect((await make("web02", { cpu: 0 })).attrs.cpu).toBe(0)
    expect(await core.entries.get(root, web.id)).toEqual(web)
  })

  test("an entry of every attribute type reads back equal", async () => {
    const core = openTestCore(await open())
    const { owner, server } = await openServers(core)
    const ana = await core.entries.create(root, "Owner", { name: "Ana" })
    const group = await core.groups.create(root, { name: "people" })
    const role = await core.roles.create(root, { name: "operators" })
    const values: Record<AttributeType, unknown> = {
      string: 'quotes " and \u0000 and 🦊',
      text: "two\nlines",
      boolean: false,
      number: 9007199254740991,
      date: "2024-02-29",
      datetime: "2026-01-31T12:00:00.000Z",
      select: "a",
      multi_select: ["b", "a"],
      object: ana.id,
      named_object: { name: "the owner", id: ana.id },
      group: group.id,
      role: role.id,
      array_string: ["", "x", "x"],
      array_number: [1, 0.1, -2.5e-7],
      array_object: [ana.id, ana.id],
      array_named_object: [{ name: "", id: ana.id }],
      array_group: [group.id],
      array_role: [role.id],
    }
    const types = Object.keys(values) as AttributeType[]
    const every = await core.entities.create(root, {
      name: "Every",
      attrs: types.map((type) => ({
        name: type,
        type,
        ...(type.endsWith("select") && { choices: ["a", "b"] }),
        ...(type.includes("object") && { referral: [owner.id, server.id] }),
      })),
    })
    const made = await core.entries.create(root, every.id, { name: "one", attrs: values })
    expect((await core.entries.get(root, made.id)).attrs).toEqual(values as Entry["attrs"])
    const { count } = await core.entries.referrals(root, ana.id, page)
    expect(count).toBe(1)
  })

  test("everything that is wrong with a body is told at once, and nothing is written", async () => {
    const core = openTestCore(await open())
    const { server, make } = await openServers(core)
    const other = await make("web01")
    const body = { name: 7, attrs: { color: "red", cpu: "fast", owner: other.id, tags: ["ok", 3] }, colour: 1 }
    const problem = await problemOf(core.entries.create(root, server.id, body))
    expect(problem.code).toBe("VALIDATION_FAILED")
    expect(Object.keys(problem.paths).sort()).toEqual([
      "attrs.color",
      "attrs.cpu",
      "attrs.owner",
      "attrs.serial",
      "attrs.tags.1",
      "colour",
      "name",
    ])
    expect(await core.database.db.$count(core.database.tables.entry)).toBe(1)
  })

  test("a name that is missing, no string, too long or taken is refused with a code of its own", async () => {
    const core = openTestCore(await open())
    const { server, make } = await openServers(core)
    await make("web01")
    const refusal = async (body: object) => {
      const { code, paths } = await problemOf(core.entries.create(root, server.id, { attrs: { serial: "x" }, ...body }))
      return [code, paths.name]
    }
    expect(await refusal({})).toEqual(["NAME_MISSING", "NAME_MISSING"])
    expect(await refusal({ name: 7 })).toEqual(["NAME_INVALID", "NAME_INVALID"])
    expect(await refusal({ name: "x".repeat(201) })).toEqual(["NAME_TOO_LONG", "NAME_TOO_LONG"])
    expect(await refusal({ name: "web01" })).toEqual(["NAME_TAKEN", "NAME_TAKEN"])
    expect((await make("🦊".repeat(200))).name).toBe("🦊".repeat(200))
  })

  test("a change merges what it names and leaves the rest", async () => {
    const core = openTestCore(await open())
    const { make } = await openServers(core)
    const made = await make("web01", { cpu: 4, tags: ["a"] })
    const changed = await core.entries.update(root, made.id, { attrs: { cpu: 8 } })
    expect(changed).toMatchObject({ name: "web01", version: 2, attrs: { cpu: 8, serial: "x", tags: ["a"] } })
    const renamed = await core.entries.update(root, made.id, { name: "web1", attrs: { tags: null } })
    expect(renamed).toMatchObject({ name: "web1", version: 3, attrs: { cpu: 8, tags: [] } })
    expect(await core.entries.get(root, made.id)).toEqual(renamed)
  })

  test("equal values make no version and no history", async () => {
    const core = openTestCore(await open())
    const { make } = await openServers(core)
    const made = await make("web01", { cpu: 4, tags: ["a"] })
    expect(await core.entries.update(root, made.id, { name: "web01", attrs: { ...made.attrs } })).toEqual(made)
    expect(await core.entries.update(root, made.id, {})).toEqual(made)
    expect((await core.entries.history(root, made.id, page)).count).toBe(1)
  })

  test("a deleted entry can be read and restored, and its name is free at once", async () => {
    const core = openTestCore(await open())
    const { make } = await openServers(core)
    const { id } = await make("web01")
    await core.entries.delete(root, id)
    expect(await core.entries.get(root, id)).toMatchObject({ name: "web01", is_active: false, version: 2 })
    for (const again of [
      () => core.entries.delete(root, id),
      () => core.entries.update(root, id, { attrs: { cpu: 1 } }),
      () => core.entries.copy(root, id, { names: ["web09"] }),
    ]) {
      expect((await problemOf(again())).code).toBe("NOT_FOUND")
    }
    const second = await make("web01")
    const taken = await problemOf(core.entries.restore(root, id))
    expect([taken.code, taken.paths.name]).toEqual(["NAME_TAKEN", "NAME_TAKEN"])
    await core.entries.update(root, second.id, { name: "web02" })
    expect(await core.entries.restore(root, id)).toMatchObject({ name: "web01", is_active: true, version: 3 })
    expect((await problemOf(core.entries.restore(root, id))).code).toBe("CONFLICT")
  })

  test("copies carry the values, all of them or none", async () => {
    const core = openTestCore(await open())
    const { make, server } = await openServers(core)
    const { id, attrs } = await make("web01", { cpu: 4, tags: ["a", "b"] })
    const copies = await core.entries.copy(root, id, { names: ["web02", "web03"] })
    expect(copies.map(({ name, version, attrs }) => ({ name, version, attrs }))).toEqual([
      { name: "web02", version: 1, attrs },
      { name: "web03", version: 1, attrs },
    ])
    const refusal = await problemOf(core.entries.copy(root, id, { names: ["web04", "web02", "web03"] }))
    expect([refusal.code, refusal.paths]).toEqual(["NAME_TAKEN", { "names.1": "NAME_TAKEN", "names.2": "NAME_TAKEN" }])
    const wrong = await problemOf(core.entries.copy(root, id, { names: ["a", 7, "a", ""], more: 1 }))
    expect(wrong.paths).toEqual({
      more: "FIELD_UNKNOWN",
      "names.1": "NAME_INVALID",
      "names.2": "NAME_TAKEN",
      "names.3": "NAME_MISSING",
    })
    expect((await core.entryLists.list(root, { entity: server.id })).count).toBe(3)
  })

  test("referrals are the active entries that refer to it, each once", async () => {
    const core = openTestCore(await open())
    const { make } = await openServers(core)
    const ana = await core.entries.create(root, "Owner", { name: "Ana" })
    const pair = await core.entities.create(root, {
      name: "Pair",
      attrs: [
        { name: "both", type: "array_object" },
        { name: "named", type: "named_object" },
        { name: "group", type: "group" },
      ],
    })
    const group = await core.groups.create(root, { name: "same id" })
    expect(group.id).toBe(ana.id)
    const web = await make("web01", { owner: ana.id })
    const gone = await make("web02", { owner: ana.id })
    await core.entries.delete(root, gone.id)
    const twice = { both: [ana.id, web.id, ana.id], named: { name: "x", id: ana.id } }
    const two = await core.entries.create(root, pair.id, { name: "two", attrs: twice })
    await core.entries.create(root, pair.id, { name: "only a group", attrs: { group: group.id } })
    const { count, results } = await core.entries.referrals(root, ana.id, page)
    expect(results).toEqual([await core.entries.get(root, web.id), two])
    expect(count).toBe(2)
    const second = await core.entries.referrals(root, ana.id, { limit: 1, offset: 1 })
    expect([second.count, second.results.map(({ name }) => name)]).toEqual([2, ["two"]])
    await core.entries.update(root, two.id, { attrs: { both: [web.id], named: null } })
    expect((await core.entries.referrals(root, ana.id, page)).count).toBe(1)
  })

  test("a value that was valid may be given again, also where its reference was deleted since", async () => {
    const core = openTestCore(await open())
    const { make } = await openServers(core)
    const ana = await core.entries.create(root, "Owner", { name: "Ana" })
    const web = await make("web01", { owner: ana.id })
    await core.entries.delete(root, ana.id)
    const changed = await core.entries.update(root, web.id, { attrs: { ...web.attrs, cpu: 16 } })
    expect(changed.attrs).toMatchObject({ owner: ana.id, cpu: 16 })
    const other = await make("web02")
    const refused = await problemOf(core.entries.update(root, other.id, { attrs: { owner: ana.id } }))
    expect(refused.paths).toEqual({ "attrs.owner": "REFERENCE_MISSING" })
  })
})
