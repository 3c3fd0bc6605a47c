import { expect, test } from "bun:test"
import { checkAttrs, checkEntryName } from "../../src/core/entities/attrs.ts"
import type { EntitySchema } from "../../src/core/entities/schemas.ts"
import { openTestCore, rootUser } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"

const codesOf = (issues: { path: string; code: string }[]) =>
  Object.fromEntries(issues.map(({ path, code }) => [path, code]))

eachDatabase((_, open) => {
  async function openServer() {
    const core = openTestCore(await open())
    const { id } = await core.entities.create(rootUser, {
      name: "Server",
      item_name_pattern: "^srv-\\d+$",
      attrs: [
        { name: "cpu", type: "number", is_mandatory: true },
        { name: "os", type: "select", choices: ["linux", "bsd"], default_value: "bsd" },
        { name: "tags", type: "array_string" },
        { name: "owner", type: "object" },
        { name: "is_live", type: "boolean", is_mandatory: true, default_value: false },
      ],
    })
    return { ...core, schema: (await core.schemas.get(id)) as EntitySchema }
  }

  test("defaults fill what is left out, a given value wins, anything else is empty", async () => {
    const { schema } = await openServer()
    const filled = checkAttrs(schema, { cpu: 0 }, { partial: false })
    expect(filled).toEqual({
      attrs: { cpu: 0, os: "bsd", tags: [], owner: null, is_live: false },
      references: [],
      issues: [],
    })
    const given = { cpu: 4, os: null, tags: null, owner: 7, is_live: true }
    const { attrs, references } = checkAttrs(schema, given, { partial: false })
    expect(attrs).toEqual(given)
    expect(references).toEqual([{ type: "entry", id: 7, path: "attrs.owner", referral: [] }])
  })

  test("a change has only what it names", async () => {
    const { schema } = await openServer()
    expect(checkAttrs(schema, { tags: ["a"] }, { partial: true })).toMatchObject({ attrs: { tags: ["a"] }, issues: [] })
    expect(checkAttrs(schema, undefined, { partial: true })).toMatchObject({ attrs: {}, issues: [] })
  })

  test("all that is wrong is told at once, each under its attribute", async () => {
    const { schema } = await openServer()
    const { issues } = checkAttrs(schema, { os: "dos", tags: ["a", 1], ram: 1, toString: 1 }, { partial: false })
    expect(codesOf(issues)).toEqual({
      "attrs.ram": "ATTRIBUTE_UNKNOWN",
      "attrs.toString": "ATTRIBUTE_UNKNOWN",
      "attrs.cpu": "MANDATORY",
      "attrs.os": "CHOICE",
      "attrs.tags.1": "STRING",
    })
    for (const partial of [true, false]) {
      expect(codesOf(checkAttrs(schema, { cpu: null }, { partial }).issues)).toEqual({ "attrs.cpu": "MANDATORY" })
      for (const given of [null, [], "x", 5]) {
        expect(codesOf(checkAttrs(schema, given, { partial }).issues)).toEqual({ attrs: "OBJECT" })
      }
    }
  })

  test("the name of an entry has to fit the pattern", async () => {
    const { schema } = await openServer()
    expect(checkEntryName(schema, "srv-12")).toEqual([])
    expect(codesOf(checkEntryName(schema, "srv-x"))).toEqual({ name: "NAME_PATTERN" })
    expect(codesOf(checkEntryName(schema, 5, "names.1"))).toEqual({ "names.1": "NAME_INVALID" })
  })

  test("what is referred to is there, active, of the right entity, and may be read", async () => {
    const { entities, entries, references, access, person, database } = openTestCore(await open())
    const { db, tables } = database
    const server = await entities.create(rootUser, { name: "Server" })
    const secret = await entities.create(rootUser, { name: "Secret", is_public: false })
    const [good, gone] = await Promise.all(["a", "b"].map((name) => entries.create(rootUser, server.id, { name })))
    await entries.delete(rootUser, gone!.id)
    const hidden = await entries.create(rootUser, secret.id, { name: "c" })
    const [role] = await db.insert(tables.role).values({ name: "r" }).returning({ id: tables.role.id })
    const [group] = await db.insert(tables.group).values({ name: "g" }).returning({ id: tables.group.id })
    const refer = (type: "entry" | "group" | "role", id: number, path: string, referral: number[] = []) => ({
      type,
      id,
      path,
      referral,
    })
    const wanted = [
      refer("entry", good!.id, "good", [server.id]),
      refer("entry", good!.id, "wrong", [secret.id]),
      refer("entry", gone!.id, "gone"),
      refer("entry", hidden.id, "hidden"),
      refer("entry", Number.MAX_SAFE_INTEGER, "missing"),
      refer("role", role!.id, "role"),
      refer("role", role!.id + 1, "no role"),
      refer("group", group!.id, "group"),
      refer("group", group!.id + 1, "no group"),
    ]
    const check = async (user: typeof rootUser) => codesOf(await references.check(await access.viewer(user), wanted))
    const missing = {
      wrong: "REFERENCE_WRONG_ENTITY",
      gone: "REFERENCE_MISSING",
      missing: "REFERENCE_MISSING",
      "no role": "REFERENCE_MISSING",
      "no group": "REFERENCE_MISSING",
    }
    expect(await check(rootUser)).toEqual(missing)
    expect(await check(person("ben"))).toEqual({ ...missing, hidden: "REFERENCE_MISSING" })
    expect(await references.check(await access.viewer(rootUser), [])).toEqual([])
  })
})
