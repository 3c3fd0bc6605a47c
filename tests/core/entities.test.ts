import { expect, test } from "bun:test"
import type { Attribute, Json } from "@pagoda/sdk"
import { and, eq } from "drizzle-orm"
import type { HookCall, HookName } from "../../src/core/hooks.ts"
import { openTestCore, openTestCores, rootUser, type TestCore } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"
import { toTestHook } from "../support/hooks.ts"
import { problemOf } from "../support/refusal.ts"

type Handler = (call: HookCall) => unknown

const listen = (core: TestCore, name: HookName, handler: Handler, options = {}) =>
  core.hooks.register(toTestHook(name, handler as never, options))
const rejection = (message: string, path: string) =>
  Object.assign(new Error(message), { name: "PluginValidationError", code: "REJECTED", path })

eachDatabase((dialect, open) => {
  test("names of entries have to fit the entity's pattern, as it is now", async () => {
    const { entities, entries } = openTestCore(await open())
    const { id } = await entities.create(rootUser, { name: "Server", item_name_pattern: "^srv-\\d+$" })
    await entries.create(rootUser, id, { name: "srv-1" })
    const refused = { code: "VALIDATION_FAILED", paths: { name: "NAME_PATTERN" } }
    expect(await problemOf(entries.create(rootUser, id, { name: "web" }))).toEqual(refused)
    await entities.update(rootUser, id, { item_name_pattern: "" })
    await entries.create(rootUser, id, { name: "web" })
  })

  test("no pattern takes long for a name", async () => {
    const { entities, entries } = openTestCore(await open())
    const started = performance.now()
    for (const item_name_pattern of ["^(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y"]) {
      const { id } = await entities.create(rootUser, { name: item_name_pattern, item_name_pattern })
      const name = `${"a".repeat(199)}!`
      expect((await problemOf(entries.create(rootUser, id, { name }))).paths).toEqual({ name: "NAME_PATTERN" })
    }
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test.each(["(a", "a**", "(?=a)", "(a)\\1", "(a{1000}){1000}", "x".repeat(501), "(a?){900}a{900}"])(
    "%.30s is no pattern",
    async (item_name_pattern) => {
      const { entities } = openTestCore(await open())
      const made = entities.create(rootUser, { name: "S", item_name_pattern })
      expect((await problemOf(made)).paths).toEqual({ item_name_pattern: "PATTERN_INVALID" })
    },
  )

  test("the type of an attribute changes until an entry has a value of it", async () => {
    const { entities, entries } = openTestCore(await open())
    const attrs = [
      { name: "a", type: "string" },
      { name: "b", type: "string" },
    ]
    const made = await entities.create(rootUser, { name: "S", attrs })
    const [a, b] = made.attrs as [Attribute, Attribute]
    const change = (attribute: Attribute, type: string) =>
      entities.update(rootUser, made.id, { attrs: [{ id: attribute.id, type }] })
    await change(a, "array_string")
    await change(a, "string")
    const entry = await entries.create(rootUser, made.id, { name: "e", attrs: { a: "x" } })
    const inUse = { code: "VALIDATION_FAILED", paths: { "attrs.0.type": "TYPE_IN_USE" } }
    expect(await problemOf(change(a, "number"))).toEqual(inUse)
    expect(await problemOf(change(b, "array_number"))).toEqual(inUse)
    await change(a, "text")
    await change(a, "string")
    await change(b, "number")
    expect(await entries.get(rootUser, entry.id)).toMatchObject({ attrs: { a: "x", b: null } })
    expect((await entities.get(rootUser, made.id)).attrs.map(({ type }) => type)).toEqual(["string", "number"])
  })

  test("a default has to fit the attribute, as it is and as it becomes", async () => {
    const { entities } = openTestCore(await open())
    const attrs = [{ name: "os", type: "select", choices: ["linux", "bsd"], default_value: "bsd" }]
    const { id, attrs: made } = await entities.create(rootUser, { name: "S", attrs })
    const change = (fields: object) => entities.update(rootUser, id, { attrs: [{ id: made[0]?.id, ...fields }] })
    expect((await problemOf(change({ choices: ["linux"] }))).paths).toEqual({ "attrs.0.default_value": "CHOICE" })
    const changed = await change({ choices: ["linux"], default_value: null })
    expect(changed.attrs[0]).toMatchObject({ choices: ["linux"], default_value: null })
  })

  test("an attribute that is removed takes its values with it", async () => {
    const { entities, entries, database } = openTestCore(await open())
    const made = await entities.create(rootUser, { name: "S", attrs: [{ name: "a", type: "string" }] })
    const entry = await entries.create(rootUser, made.id, { name: "e", attrs: { a: "x" } })
    const attrs = [
      { id: made.attrs[0]?.id, is_deleted: true },
      { name: "a", type: "number" },
    ]
    await entities.update(rootUser, made.id, { attrs })
    expect(await entries.get(rootUser, entry.id)).toMatchObject({ attrs: { a: null } })
    expect(await database.db.select().from(database.tables.entry_value)).toEqual([])
  })

  test("an entity with live entries is not deleted, one whose entries are deleted is", async () => {
    const { entities, entries } = openTestCore(await open())
    const { id } = await entities.create(rootUser, { name: "S" })
    const entry = await entries.create(rootUser, id, { name: "e" })
    expect((await problemOf(entities.delete(rootUser, id))).code).toBe("CONFLICT")
    expect(await entities.get(rootUser, id)).toMatchObject({ is_active: true, version: 1 })
    await entries.delete(rootUser, entry.id)
    await entities.delete(rootUser, id)
    expect((await problemOf(entries.create(rootUser, id, { name: "f" }))).code).toBe("NOT_FOUND")
  })

  test("handlers before a write change what is written, each what the one before made of it", async () => {
    const core = openTestCore(await open())
    listen(core, "entity.before_create", ({ data }) => ({ ...data, note: "by a" }))
    listen(core, "entity.before_create", ({ data }) => ({ ...data, attrs: [{ name: "cpu", type: "number" }] }))
    listen(core, "entity.before_create", () => ({ name: 5 }))
    listen(core, "entity.before_create", () => ({ name: "never" }), { entity: "Other" })
    const made = await core.entities.create(rootUser, { name: "Server" })
    expect(made).toMatchObject({ name: "Server", note: "by a", attrs: [{ name: "cpu" }] })
    expect(core.hooks.counts().map(({ failures }) => failures)).toEqual([0, 0, 1, 0])
    listen(core, "entity.before_update", ({ data, entity }) => ({ ...data, note: `was ${entity?.name}` }))
    expect(await core.entities.update(rootUser, made.id, { name: "S" })).toMatchObject({
      name: "S",
      note: "was Server",
    })
  })

  test("a handler that rejects keeps anything from being written", async () => {
    const core = openTestCore(await open())
    const { id } = await core.entities.create(rootUser, { name: "Server" })
    for (const hook of ["entity.before_create", "entity.before_update", "entity.before_delete"] as const) {
      listen(core, hook, () => {
        throw rejection("not today", "name")
      })
    }
    const refused = { code: "VALIDATION_FAILED", paths: { name: "REJECTED" } }
    expect(await problemOf(core.entities.create(rootUser, { name: "B" }))).toEqual(refused)
    expect(await problemOf(core.entities.update(rootUser, id, { note: "x" }))).toEqual(refused)
    expect(await problemOf(core.entities.delete(rootUser, id))).toEqual(refused)
    expect((await core.entities.list(rootUser, { is_active: "all" })).results).toMatchObject([{ version: 1, note: "" }])
  })

  test("handlers after a write are told of it once it is there, and cannot fail it", async () => {
    const core = openTestCore(await open())
    const told: unknown[] = []
    for (const hook of ["entity.after_create", "entity.after_update", "entity.after_delete"] as const) {
      listen(core, hook, async ({ user, entity, data }) => {
        const { name, version, is_active } = await core.entities.get(rootUser, entity?.id as number)
        told.push([hook, user.id, entity, data, { name, version, is_active }])
        throw new Error("too late")
      })
    }
    const { id } = await core.entities.create(rootUser, { name: "A" })
    await core.entities.update(rootUser, id, { name: "B" })
    await core.entities.update(rootUser, id, { name: "B" })
    await core.entities.delete(rootUser, id)
    expect(told).toEqual([
      ["entity.after_create", "root", { id, name: "A" }, { name: "A" }, { name: "A", version: 1, is_active: true }],
      ["entity.after_update", "root", { id, name: "B" }, { name: "B" }, { name: "B", version: 2, is_active: true }],
      ["entity.after_delete", "root", { id, name: "B" }, {}, { name: "B", version: 3, is_active: false }],
    ])
  })

  test("get_attrs changes what a single read answers, and nothing that does not fit", async () => {
    const core = openTestCore(await open())
    const { id, attrs } = await core.entities.create(rootUser, { name: "A", attrs: [{ name: "cpu", type: "number" }] })
    const cpu = attrs[0] as unknown as { [field: string]: Json }
    listen(core, "entity.get_attrs", ({ attrs }) => ({ ...attrs, extra: { ...cpu, id: 0, name: "extra" } }))
    listen(core, "entity.get_attrs", () => ({ cpu: 5 }))
    expect((await core.entities.get(rootUser, id)).attrs.map(({ name }) => name)).toEqual(["cpu", "extra"])
    expect((await core.entities.list(rootUser)).results[0]?.attrs).toHaveLength(1)
  })

  test("changes that are made at once are all there, and a name that both want is given once", async () => {
    const [here, there] = await openTestCores(dialect, open)
    const { id } = await here.entities.create(rootUser, { name: "Server" })
    const add = (core: TestCore, name: string) =>
      core.entities.update(rootUser, id, { attrs: [{ name, type: "string" }] })
    await Promise.all([add(here, "a"), add(there, "b"), add(here, "c")])
    const outcomes = await Promise.allSettled([add(here, "d"), add(there, "d")])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    const { attrs, version } = await here.entities.get(rootUser, id)
    expect([attrs.map(({ name }) => name).sort(), version]).toEqual([["a", "b", "c", "d"], 5])
    const names = await Promise.allSettled(
      [here, there].map(({ entities }) => entities.create(rootUser, { name: "N" })),
    )
    expect(names.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
  })

  test("no entry gets into an entity while it is deleted", async () => {
    const [here, there] = await openTestCores(dialect, open)
    const { db, tables } = here.database
    for (let round = 0; round < 15; round++) {
      const { id } = await here.entities.create(rootUser, { name: `S${round}` })
      await Promise.allSettled([here.entities.delete(rootUser, id), there.entries.create(rootUser, id, { name: "e" })])
      const live = await db
        .select({ id: tables.entry.id })
        .from(tables.entry)
        .innerJoin(tables.entity, eq(tables.entity.id, tables.entry.entity_id))
        .where(and(eq(tables.entity.is_active, false), eq(tables.entry.is_active, true)))
      expect(live).toEqual([])
    }
  })
})
