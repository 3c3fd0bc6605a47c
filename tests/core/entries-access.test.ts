import { expect, test } from "bun:test"
import type { User } from "@pagoda/sdk"
import { openTestCore, rootUser as root, type TestCore } from "../support/core.ts"
import { eachDatabase } from "../support/database.ts"
import { problemOf } from "../support/refusal.ts"

const page = { limit: 30, offset: 0 }

/** Closes what is open to all when it is new. */
async function close(core: TestCore, kind: "entity" | "attribute" | "entry", id: number): Promise<void> {
  await core.acls.set(root, kind, id, { is_public: false, default_permission: "nothing", roles: [] })
}

/** What each operation is answered with: a code, or "ok". Nothing is left changed. */
async function attempts(core: TestCore, user: User, id: number): Promise<Record<string, string>> {
  const outcome = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "ok",
      (error) => error.code,
    )
  const { entries } = core
  return {
    get: await outcome(entries.get(user, id)),
    history: await outcome(entries.history(user, id, page)),
    referrals: await outcome(entries.referrals(user, id, page)),
    update: await outcome(entries.update(user, id, { attrs: {} })),
    copy: await outcome(entries.copy(user, id, { names: [] })),
    delete: await outcome(entries.delete(user, id, { version: 0 })),
    restore: await outcome(entries.restore(user, id)),
  }
}

const all = (code: string) => ({
  get: code,
  history: code,
  referrals: code,
  update: code,
  copy: code,
  delete: code,
  restore: code,
})
const read = { get: "ok", history: "ok", referrals: "ok" }
const readOnly = { ...all("FORBIDDEN"), ...read }
/** Past the access check each is refused for what was asked. */
const mayWrite = { ...read, update: "ok", copy: "VALIDATION_FAILED", delete: "VERSION_STALE", restore: "CONFLICT" }

async function openClosed(core: TestCore) {
  const entity = await core.entities.create(root, {
    name: "Secret",
    attrs: [
      { name: "open", type: "string" },
      { name: "shown", type: "string" },
      { name: "hidden", type: "string" },
      { name: "owner", type: "object" },
    ],
  })
  const [open, shown, hidden, owner] = entity.attrs.map(({ id }) => id) as [number, number, number, number]
  const attrs = { open: "a", shown: "b", hidden: "c" }
  const entry = await core.entries.create(root, entity.id, { name: "one", attrs })
  return { entity, entry, attribute: { open, shown, hidden, owner } }
}

eachDatabase((_, open) => {
  test("an entry of a closed entity is there for those with a role on it, and theirs to change with a level that grants it", async () => {
    const core = openTestCore(await open())
    const { entity, entry } = await openClosed(core)
    await close(core, "entity", entity.id)
    const [none, reader, writer] = ["none", "reader", "writer"].map((name) => core.person(name)) as [User, User, User]
    await core.grant([reader], { [`entity ${entity.id}`]: "readable" })
    await core.grant([writer], { [`entity ${entity.id}`]: "writable" })
    expect(await attempts(core, none, entry.id)).toEqual(all("NOT_FOUND"))
    expect(await attempts(core, reader, entry.id)).toEqual(readOnly)
    expect(await attempts(core, writer, entry.id)).toEqual(mayWrite)
    expect((await problemOf(core.entries.create(none, entity.id, { name: "x" }))).code).toBe("NOT_FOUND")
    expect((await problemOf(core.entries.create(reader, entity.id, { name: "x" }))).code).toBe("FORBIDDEN")
    expect(await core.entries.create(writer, "Secret", { name: "x" })).toMatchObject({ created_by: "writer" })
  })

  test("a closed entry needs the role on itself as well as on its entity", async () => {
    const core = openTestCore(await open())
    const { entity, entry } = await openClosed(core)
    await close(core, "entity", entity.id)
    await close(core, "entry", entry.id)
    const [half, other, both, low] = ["half", "other", "both", "low"].map((name) => core.person(name)) as [
      User,
      User,
      User,
      User,
    ]
    await core.grant([half], { [`entity ${entity.id}`]: "full" })
    await core.grant([other], { [`entry ${entry.id}`]: "full" })
    await core.grant([both], { [`entity ${entity.id}`]: "writable", [`entry ${entry.id}`]: "full" })
    await core.grant([low], { [`entity ${entity.id}`]: "full", [`entry ${entry.id}`]: "readable" })
    expect(await attempts(core, half, entry.id)).toEqual(all("NOT_FOUND"))
    expect(await attempts(core, other, entry.id)).toEqual(all("NOT_FOUND"))
    expect(await attempts(core, both, entry.id)).toEqual(mayWrite)
    expect(await attempts(core, low, entry.id)).toEqual(readOnly)
  })

  test("a read-only user reads and never writes, an admin too", async () => {
    const core = openTestCore(await open())
    const { entity, entry } = await openClosed(core)
    for (const is_admin of [false, true]) {
      const user = core.person("readonly", { is_readonly: true, is_admin })
      expect(await attempts(core, user, entry.id)).toEqual(readOnly)
      expect((await problemOf(core.entries.create(user, entity.id, { name: "x" }))).code).toBe("FORBIDDEN")
    }
  })

  test("an attribute that one may not read is absent from everything, and as unknown as one that is not there", async () => {
    const core = openTestCore(await open())
    const { entity, entry, attribute } = await openClosed(core)
    await close(core, "attribute", attribute.hidden)
    await close(core, "attribute", attribute.shown)
    const user = core.person("ana")
    await core.grant([user], { [`attribute ${attribute.shown}`]: "readable" })
    await core.entries.update(root, entry.id, { attrs: { hidden: "d", open: "aa" } })

    expect((await core.entries.get(user, entry.id)).attrs).toEqual({ open: "aa", shown: "b", owner: null })
    const { results } = await core.entries.history(user, entry.id, page)
    expect(results.map(({ changes }) => changes.map(({ name }) => name))).toEqual([["open"], ["name", "open", "shown"]])

    const unknown = await problemOf(core.entries.update(user, entry.id, { attrs: { hidden: "x", nothing: "x" } }))
    expect(unknown.paths).toEqual({ "attrs.hidden": "ATTRIBUTE_UNKNOWN", "attrs.nothing": "ATTRIBUTE_UNKNOWN" })
    const forbidden = await problemOf(core.entries.update(user, entry.id, { attrs: { shown: "x", open: "y" } }))
    expect([forbidden.code, forbidden.paths]).toEqual(["FORBIDDEN", { "attrs.shown": "FORBIDDEN" }])
    const seen = await core.entries.get(user, entry.id)
    const changed = await core.entries.update(user, entry.id, { attrs: { ...seen.attrs, open: "z" } })
    expect(changed.attrs).toEqual({ open: "z", shown: "b", owner: null })
    expect((await core.entries.get(root, entry.id)).attrs).toMatchObject({ hidden: "d", shown: "b", open: "z" })

    const [copy] = await core.entries.copy(user, entry.id, { names: ["two"] })
    expect(copy?.attrs).toEqual({ open: "z", shown: "b", owner: null })
    expect((await core.entries.get(root, copy?.id ?? 0)).attrs.hidden).toBeNull()
    expect((await problemOf(core.entries.create(user, entity.id, { name: "x", attrs: { shown: "x" } }))).code).toBe(
      "FORBIDDEN",
    )
  })

  test("a copy is for those whom its original is for", async () => {
    const core = openTestCore(await open())
    const { entry } = await openClosed(core)
    const [writer, other] = [core.person("writer"), core.person("other")]
    await close(core, "entry", entry.id)
    await core.grant([writer], { [`entry ${entry.id}`]: "full" })
    const [copy] = await core.entries.copy(writer, entry.id, { names: ["two"] })
    expect(copy).toMatchObject({ is_public: false, default_permission: "nothing" })
    expect(await attempts(core, writer, copy?.id ?? 0)).toEqual(mayWrite)
    expect(await attempts(core, other, copy?.id ?? 0)).toEqual(all("NOT_FOUND"))
  })

  test("referrals never show or count what one may not read", async () => {
    const core = openTestCore(await open())
    const { entity, attribute } = await openClosed(core)
    const target = await core.entries.create(root, entity.id, { name: "target" })
    const names = ["open", "closed", "granted"]
    const [, closed, granted] = await Promise.all(
      names.map((name) => core.entries.create(root, entity.id, { name, attrs: { owner: target.id } })),
    )
    const other = await core.entities.create(root, { name: "Other", attrs: [{ name: "by", type: "array_object" }] })
    await core.entries.create(root, other.id, { name: "elsewhere", attrs: { by: [target.id] } })
    await close(core, "entity", other.id)
    await close(core, "entry", closed?.id ?? 0)
    await close(core, "entry", granted?.id ?? 0)
    const user = core.person("ana")
    await core.grant([user], { [`entry ${granted?.id}`]: "readable" })
    const seen = async (who: User) => {
      const { count, results } = await core.entries.referrals(who, target.id, page)
      expect(count).toBe(results.length)
      return results.map(({ name }) => name).sort()
    }
    expect(await seen(user)).toEqual(["granted", "open"])
    expect(await seen(root)).toEqual(["closed", "elsewhere", "granted", "open"])
    await close(core, "attribute", attribute.owner)
    expect(await seen(user)).toEqual([])
    await core.grant([user], { [`attribute ${attribute.owner}`]: "readable", [`entity ${other.id}`]: "readable" })
    expect(await seen(user)).toEqual(["elsewhere", "granted", "open"])
  })

  test("an entry that one may not read cannot be referred to", async () => {
    const core = openTestCore(await open())
    const { entity, entry } = await openClosed(core)
    const secret = await core.entries.create(root, entity.id, { name: "secret" })
    await close(core, "entry", secret.id)
    const user = core.person("ana")
    const missing = await problemOf(core.entries.update(user, entry.id, { attrs: { owner: 999 } }))
    const refused = await problemOf(core.entries.update(user, entry.id, { attrs: { owner: secret.id } }))
    expect(refused).toEqual(missing)
    expect(await core.entries.update(root, entry.id, { attrs: { owner: secret.id } })).toMatchObject({ version: 2 })
  })

  test("the access check of an operation can be made alone", async () => {
    const core = openTestCore(await open())
    const { entity, entry } = await openClosed(core)
    await close(core, "entity", entity.id)
    const user = core.person("ana")
    await core.grant([user], { [`entity ${entity.id}`]: "readable" })
    const { schema, entry: seen } = await core.entries.authorize(user, "retrieve", { entry: entry.id })
    expect([schema.entity.name, seen]).toEqual(["Secret", entry])
    expect((await core.entries.authorize(user, "list", { entity: "Secret" })).entry).toBeUndefined()
    expect((await problemOf(core.entries.authorize(user, "create", { entity: entity.id }))).code).toBe("FORBIDDEN")
    expect((await problemOf(core.entries.authorize(user, "delete", { entry: entry.id }))).code).toBe("FORBIDDEN")
    expect((await problemOf(core.entries.authorize(core.person("bob"), "list", { entity: entity.id }))).code).toBe(
      "NOT_FOUND",
    )
  })
})
