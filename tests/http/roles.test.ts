import { expect, test } from "bun:test"
import { eq } from "drizzle-orm"
import type { Role } from "../../src/core/access/roles.ts"
import { openTestApp, type TestApp } from "../support/app.ts"
import { type Client, clientOf } from "../support/client.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"
import { referTo } from "../support/reference.ts"

async function make<Made = Role>(client: Client, body: object, path = "/roles"): Promise<Made> {
  const response = await client.post(path, body)
  expect(response.status).toBe(201)
  return (await response.json()) as Made
}

async function loginBoth(app: TestApp) {
  const admin = await app.login("admin", true)
  const ana = await app.login("ana")
  return { admin: clientOf(app, admin.headers), ana: clientOf(app, ana.headers), user: ana.user, boss: admin.user }
}

eachDatabase((_, open) => {
  test("an admin makes, reads, lists, changes and deletes roles", async () => {
    await using app = await openTestApp(await open())
    const { admin, user, boss } = await loginBoth(app)
    const group = await make<{ id: number }>(admin, { name: "G" }, "/groups")
    const role = await make(admin, { name: "Editors" })
    expect(role).toEqual({
      ...{ id: expect.any(Number), name: "Editors", description: "" },
      ...{ users: [], groups: [], admin_users: [], admin_groups: [] },
    })
    const changed = await admin.patch(`/roles/${role.id}`, {
      ...{ description: "Edit", users: [user.id], groups: [group.id] },
      ...{ admin_users: [boss.id], admin_groups: [group.id] },
    })
    const full = {
      ...{ id: role.id, name: "Editors", description: "Edit" },
      ...{ users: [user.id], groups: [group.id], admin_users: [boss.id], admin_groups: [group.id] },
    }
    expect(await changed.json()).toEqual(full)
    const fewer = await admin.patch(`/roles/${role.id}`, { users: [], name: "Authors" })
    expect(await fewer.json()).toEqual({ ...full, users: [], name: "Authors" })
    expect(await (await admin.get("/roles")).json()).toMatchObject({ count: 1, results: [{ name: "Authors" }] })
    expect((await admin.delete(`/roles/${role.id}`)).status).toBe(204)
    expect((await readProblem(await admin.get(`/roles/${role.id}`))).status).toBe(404)
  })

  test("what does not fit is refused with all its paths", async () => {
    await using app = await openTestApp(await open())
    const { admin, user } = await loginBoth(app)
    await make(admin, { name: "Taken" })
    const unfit = await readProblem(
      await admin.post("/roles", {
        name: "R",
        users: [user.id, "x"],
        groups: [7],
        admin_users: ["y"],
        admin_groups: [8],
      }),
    )
    expect(unfit.errors?.map(({ path }) => path)).toEqual(["users.1", "groups.0", "admin_users.0", "admin_groups.0"])
    const more = await readProblem(await admin.post("/roles", { description: "a\0", is_admin: true }))
    expect(more.errors?.map(({ path }) => path).sort()).toEqual(["description", "is_admin", "name"])
    expect((await readProblem(await admin.post("/roles", { name: "Taken" }))).code).toBe("NAME_TAKEN")
    const long = await readProblem(await admin.post("/roles", { name: "R", description: "é".repeat(40_000) }))
    expect(long).toMatchObject({ status: 422, errors: [{ path: "description", code: "TEXT_TOO_LONG" }] })
  })

  test("a role's own admins, by name or through a parent group, see and change it and no other", async () => {
    await using app = await openTestApp(await open())
    const { admin, ana, user } = await loginBoth(app)
    const parent = await make<{ id: number }>(admin, { name: "P" }, "/groups")
    await make(admin, { name: "C", parent_group_id: parent.id, members: [user.id] }, "/groups")
    const byName = await make(admin, { name: "By name", admin_users: [user.id] })
    const byGroup = await make(admin, { name: "By group", admin_groups: [parent.id] })
    const other = await make(admin, { name: "Other", users: [user.id], groups: [parent.id] })

    expect(await (await ana.get("/roles")).json()).toMatchObject({ count: 2, results: [byName, byGroup] })
    for (const { id } of [byName, byGroup]) {
      expect((await ana.get(`/roles/${id}`)).status).toBe(200)
      expect(await (await ana.patch(`/roles/${id}`, { users: [user.id] })).json()).toMatchObject({ users: [user.id] })
      expect((await readProblem(await ana.delete(`/roles/${id}`))).status).toBe(403)
    }
    for (const id of [other.id, 99]) {
      expect((await readProblem(await ana.get(`/roles/${id}`))).status).toBe(403)
      expect((await readProblem(await ana.patch(`/roles/${id}`, { users: [] }))).status).toBe(403)
    }
    expect((await readProblem(await ana.post("/roles", { name: "New" }))).status).toBe(403)
    await app.accounts.updateUser(user.id, { is_readonly: true })
    expect((await ana.get(`/roles/${byName.id}`)).status).toBe(200)
    expect((await ana.patch(`/roles/${byName.id}`, { users: [] })).status).toBe(403)
  })

  test("who is no role's admin is refused the list", async () => {
    await using app = await openTestApp(await open())
    const { ana } = await loginBoth(app)
    expect((await readProblem(await ana.get("/roles"))).status).toBe(403)
  })

  test("one that a live entry refers to stays; one that goes takes what it granted with it", async () => {
    const database = await open()
    const { db, tables } = database
    await using app = await openTestApp(database)
    const { admin } = await loginBoth(app)
    const { id } = await make(admin, { name: "R" })
    const entry = await referTo(database, "role", id)
    expect((await readProblem(await admin.delete(`/roles/${id}`))).code).toBe("CONFLICT")
    await db.update(tables.entry).set({ is_active: false })
    await db.insert(tables.acl).values({ object_type: "entry", object_id: entry, role_id: id, level: "full" })
    expect((await admin.delete(`/roles/${id}`)).status).toBe(204)
    expect(await db.select().from(tables.acl).where(eq(tables.acl.role_id, id))).toEqual([])
  })

  test("two changes of one role at once leave what one of them said", async () => {
    await using app = await openTestApp(await open())
    const { admin, user, boss } = await loginBoth(app)
    const { id } = await make(admin, { name: "R" })
    const both = [[user.id], [boss.id]]
    const answers = await Promise.all(both.map((users) => admin.patch(`/roles/${id}`, { users })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    const { users } = (await (await admin.get(`/roles/${id}`)).json()) as Role
    expect(both).toContainEqual(users)
  })

  test("a group or a user who is deleted while a role gets it is not among its members", async () => {
    await using app = await openTestApp(await open())
    const { admin, user } = await loginBoth(app)
    const group = await make<{ id: number }>(admin, { name: "G" }, "/groups")
    const { id } = await make(admin, { name: "R" })
    const [changed, ...deleted] = await Promise.all([
      admin.patch(`/roles/${id}`, { users: [user.id], groups: [group.id] }),
      admin.delete(`/groups/${group.id}`),
      admin.delete(`/users/${user.id}`),
    ])
    expect([200, 422]).toContain(changed.status)
    expect(deleted.map(({ status }) => status)).toEqual([204, 204])
    expect(await (await admin.get(`/roles/${id}`)).json()).toMatchObject({ users: [], groups: [] })
  })
})
