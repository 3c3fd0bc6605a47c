import { expect, test } from "bun:test"
import type { Level } from "@pagoda/sdk"
import type { Acl } from "../../src/core/access/acl.ts"
import type { Database } from "../../src/db/database.ts"
import { openTestApp, type TestApp } from "../support/app.ts"
import { clientOf } from "../support/client.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"
import { referTo } from "../support/reference.ts"

type Place = "entities" | "attributes" | "entries"

/** An entity with an attribute and an entry, two roles, an admin and a user who has the first role. */
async function openScene(database: Database, app: TestApp) {
  const { db, tables } = database
  const admin = await app.login("admin", true)
  const ana = await app.login("ana")
  const [one, two] = await db
    .insert(tables.role)
    .values([{ name: "One" }, { name: "Two" }])
    .returning()
  const roles = [one?.id as number, two?.id as number] as const
  await db
    .insert(tables.role_member)
    .values({ role_id: roles[0], member_type: "user", member_id: ana.user.id, is_admin: false })
  const entries = await referTo(database, "role", roles[0])
  const [attribute] = await db.select().from(tables.attribute)
  const ids: Record<Place, number> = {
    entries,
    attributes: attribute?.id as number,
    entities: attribute?.entity_id as number,
  }
  const pathOf = (place: Place) => `/${place}/${ids[place]}/acl`
  return { admin: clientOf(app, admin.headers), ana: clientOf(app, ana.headers), user: ana.user, roles, ids, pathOf }
}

const closed = (role_id: number, level: Level): Acl => ({
  is_public: false,
  default_permission: "nothing",
  roles: [{ role_id, level }],
})

eachDatabase((_, open) => {
  test.each(["entities", "attributes", "entries"] as const)(
    "an admin sees and sets the ACL of one of the %s, and the record says what it was",
    async (place) => {
      const database = await open()
      await using app = await openTestApp(database)
      const { admin, roles, ids, pathOf } = await openScene(database, app)
      const before = { is_public: true, default_permission: "nothing", roles: [] }
      expect(await (await admin.get(pathOf(place))).json()).toEqual(before)
      const after: Acl = {
        is_public: false,
        default_permission: "readable",
        roles: [
          { role_id: roles[0], level: "full" },
          { role_id: roles[1], level: "nothing" },
        ],
      }
      const answer = await admin.put(pathOf(place), { ...after, roles: after.roles.toReversed() })
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual(after)
      expect(await (await admin.get(pathOf(place))).json()).toEqual(after)
      const none: Acl = { is_public: false, default_permission: "nothing", roles: [] }
      expect(await (await admin.put(pathOf(place), none)).json()).toEqual(none)
      expect(await (await admin.get("/admin/audit")).json()).toMatchObject({
        count: 2,
        results: [
          { action: "acl", object_id: String(ids[place]), changes: { before: after, after: none } },
          { action: "acl", user: { username: "admin" }, changes: { before, after } },
        ],
      })
      expect((await readProblem(await admin.get(`/${place}/99/acl`))).status).toBe(404)
      expect((await readProblem(await admin.put(`/${place}/99/acl`, none))).status).toBe(404)
    },
  )

  test("what may be cached of an entity is known by its version: a new rule of it or of an attribute raises that", async () => {
    const database = await open()
    await using app = await openTestApp(database)
    const { admin, roles, pathOf } = await openScene(database, app)
    const versionOf = async () => (await database.db.select().from(database.tables.entity))[0]?.version
    await admin.put(pathOf("entities"), closed(roles[0], "full"))
    expect(await versionOf()).toBe(2)
    await admin.put(pathOf("attributes"), closed(roles[0], "full"))
    expect(await versionOf()).toBe(3)
    await admin.put(pathOf("entries"), closed(roles[0], "full"))
    expect(await versionOf()).toBe(3)
  })

  test("unknown and repeated roles, unknown levels and fields, and what is left out are refused under their paths", async () => {
    const database = await open()
    await using app = await openTestApp(database)
    const { admin, roles, pathOf } = await openScene(database, app)
    const pathsOf = async (body: unknown) => {
      const problem = await readProblem(await admin.put(pathOf("entries"), body))
      expect(problem.status).toBe(422)
      return problem.errors?.map(({ path }) => path)
    }
    const [one] = roles
    const rules = { is_public: false, default_permission: "nothing" }
    const granted = (...ids: number[]) => ids.map((role_id) => ({ role_id, level: "full" }))
    expect(await pathsOf({ ...rules, roles: granted(one, 99) })).toEqual(["roles.1.role_id"])
    expect(await pathsOf({ ...rules, roles: granted(one, one) })).toEqual(["roles.1.role_id"])
    expect(await pathsOf({ ...rules, roles: [{ role_id: one, level: "all" }] })).toEqual(["roles.0.level"])
    expect(await pathsOf({ ...rules, roles: [{ role_id: "1", level: "full", more: 1 }] })).toEqual([
      "roles.0.more",
      "roles.0.role_id",
    ])
    expect(await pathsOf({})).toEqual(["is_public", "default_permission", "roles"])
    expect(await pathsOf([])).toEqual([""])
    expect(await (await admin.get(pathOf("entries"))).json()).toMatchObject({ is_public: true })
  })

  test.each(["entities", "attributes", "entries"] as const)(
    "below full on one of the %s: 403, and 404 where it may not be read",
    async (place) => {
      const database = await open()
      await using app = await openTestApp(database)
      const { admin, ana, roles, pathOf } = await openScene(database, app)
      const statusesAt = async (level: Level) => {
        await admin.put(pathOf(place), closed(roles[0], level))
        const put = await ana.put(pathOf(place), closed(roles[0], "full"))
        return [(await ana.get(pathOf(place))).status, put.status]
      }
      expect(await statusesAt("nothing")).toEqual([404, 404])
      expect(await statusesAt("readable")).toEqual([403, 403])
      expect(await statusesAt("writable")).toEqual([403, 403])
      expect(await statusesAt("full")).toEqual([200, 200])
      const [one, two] = roles
      await admin.put(pathOf(place), closed(two, "full"))
      expect((await ana.get(pathOf(place))).status).toBe(404)
      expect((await admin.put(pathOf(place), closed(one, "full"))).status).toBe(200)
    },
  )

  test.each(["attributes", "entries"] as const)("the %s need full on the entity too", async (place) => {
    const database = await open()
    await using app = await openTestApp(database)
    const { admin, ana, roles, pathOf } = await openScene(database, app)
    const body = closed(roles[0], "full")
    for (const [level, status] of [
      ["nothing", 404],
      ["readable", 403],
      ["writable", 403],
      ["full", 200],
    ] as const) {
      await admin.put(pathOf("entities"), closed(roles[0], level))
      expect((await ana.put(pathOf(place), body)).status).toBe(status)
    }
  })

  test("a change after which nothing grants full is refused to all but admins", async () => {
    const database = await open()
    await using app = await openTestApp(database)
    const { admin, ana, roles, pathOf } = await openScene(database, app)
    const path = pathOf("entries")
    const refused = await readProblem(await ana.put(path, closed(roles[0], "writable")))
    expect(refused).toMatchObject({ status: 422, errors: [{ path: "roles", code: "ACL_WITHOUT_FULL" }] })
    expect(await (await ana.get(path)).json()).toMatchObject({ is_public: true })
    const kept: Acl[] = [
      { is_public: false, default_permission: "full", roles: [] },
      { is_public: true, default_permission: "nothing", roles: [] },
      closed(roles[1], "full"),
    ]
    for (const acl of kept) expect((await ana.put(path, acl)).status).toBe(200)
    expect((await ana.put(path, kept[0])).status).toBe(404)
    expect((await admin.put(path, closed(roles[0], "writable"))).status).toBe(200)
  })

  test("who is read-only sets nothing, whatever the rules say, an admin too", async () => {
    const database = await open()
    await using app = await openTestApp(database)
    const { ana, user, roles, pathOf } = await openScene(database, app)
    const body = closed(roles[0], "full")
    await app.accounts.updateUser(user.id, { is_readonly: true })
    expect((await readProblem(await ana.put(pathOf("entities"), body))).status).toBe(403)
    await app.accounts.updateUser(user.id, { is_admin: true })
    expect((await ana.get(pathOf("entities"))).status).toBe(200)
    expect((await readProblem(await ana.put(pathOf("entities"), body))).status).toBe(403)
  })
})
