import { expect, test } from "bun:test"
import { eq } from "drizzle-orm"
import type { Group } from "../../src/core/access/groups.ts"
import { openTestApp } from "../support/app.ts"
import { type Client, clientOf } from "../support/client.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"
import { referTo } from "../support/reference.ts"

async function make(client: Client, body: object): Promise<Group> {
  const response = await client.post("/groups", body)
  expect(response.status).toBe(201)
  return (await response.json()) as Group
}

eachDatabase((_, open) => {
  test("an admin makes, reads, lists, changes and deletes groups", async () => {
    await using app = await openTestApp(await open())
    const { headers, user: admin } = await app.login("admin", true)
    const { user } = await app.login("ana")
    const client = clientOf(app, headers)
    const top = await make(client, { name: "Top" })
    expect(top).toEqual({ id: expect.any(Number), name: "Top", parent_group_id: null, members: [] })
    const sub = await make(client, { name: "Sub", parent_group_id: top.id, members: [user.id] })
    expect(await (await client.get(`/groups/${sub.id}`)).json()).toEqual(sub)
    const list = { count: 2, next: null, previous: null, results: [top, sub] }
    expect(await (await client.get("/groups")).json()).toEqual(list)

    const renamed = await client.patch(`/groups/${sub.id}`, { name: "Sub 2" })
    expect(await renamed.json()).toEqual({ ...sub, name: "Sub 2" })
    const moved = await client.patch(`/groups/${sub.id}`, { parent_group_id: null, members: [admin.id] })
    expect(await moved.json()).toEqual({ ...sub, name: "Sub 2", parent_group_id: null, members: [admin.id] })
    expect((await client.patch(`/groups/${sub.id}`, {})).status).toBe(200)

    expect((await client.delete(`/groups/${sub.id}`)).status).toBe(204)
    expect((await readProblem(await client.get(`/groups/${sub.id}`))).status).toBe(404)
    expect((await readProblem(await client.delete(`/groups/${sub.id}`))).status).toBe(404)
    expect((await readProblem(await client.patch(`/groups/${sub.id}`, { name: "x" }))).status).toBe(404)
  })

  test("a name that is missing, no string, too long or taken: four codes under the path", async () => {
    await using app = await openTestApp(await open())
    const { headers } = await app.login("admin", true)
    const client = clientOf(app, headers)
    await make(client, { name: "Taken" })
    await make(client, { name: "é".repeat(200) })
    const codeOf = async (body: object) => {
      const { errors } = await readProblem(await client.post("/groups", body))
      expect(errors?.map(({ path }) => path)).toEqual(["name"])
      return errors?.[0]?.code
    }
    expect(await codeOf({})).toBe("NAME_MISSING")
    expect(await codeOf({ name: "  " })).toBe("NAME_MISSING")
    expect(await codeOf({ name: 5 })).toBe("NAME_INVALID")
    expect(await codeOf({ name: "a\0b" })).toBe("NAME_INVALID")
    expect(await codeOf({ name: "\ud800" })).toBe("NAME_INVALID")
    expect(await codeOf({ name: "x".repeat(201) })).toBe("NAME_TOO_LONG")
    expect(await codeOf({ name: "Taken" })).toBe("NAME_TAKEN")
  })

  test("members and a parent that do not exist, and fields that are not known, are refused under their paths", async () => {
    await using app = await openTestApp(await open())
    const { headers, user } = await app.login("admin", true)
    const client = clientOf(app, headers)
    const pathsOf = async (body: object) => {
      const problem = await readProblem(await client.post("/groups", body))
      expect(problem.status).toBe(422)
      return problem.errors?.map(({ path }) => path)
    }
    expect(await pathsOf({ name: "A", members: [user.id, "nobody"], parent_group_id: 99 })).toEqual([
      "members.1",
      "parent_group_id",
    ])
    expect(await pathsOf({ name: "A", members: [user.id, user.id] })).toEqual(["members"])
    expect(await pathsOf({ members: ["a\0"], colour: "red" })).toEqual(["colour", "members.0", "name"])
    expect(await pathsOf({ name: "A", parent_group_id: 1.5 })).toEqual(["parent_group_id"])
    expect(await (await client.get("/groups")).json()).toMatchObject({ count: 0 })
  })

  test("a group is never below itself, also where two are moved at once", async () => {
    await using app = await openTestApp(await open())
    const { headers } = await app.login("admin", true)
    const client = clientOf(app, headers)
    const a = await make(client, { name: "A" })
    const b = await make(client, { name: "B", parent_group_id: a.id })
    const c = await make(client, { name: "C", parent_group_id: b.id })
    for (const parent_group_id of [a.id, b.id, c.id]) {
      const problem = await readProblem(await client.patch(`/groups/${a.id}`, { parent_group_id }))
      expect(problem).toMatchObject({ status: 422, errors: [{ path: "parent_group_id", code: "GROUP_CYCLE" }] })
    }
    const one = await make(client, { name: "One" })
    const two = await make(client, { name: "Two" })
    const answers = await Promise.all([
      client.patch(`/groups/${one.id}`, { parent_group_id: two.id }),
      client.patch(`/groups/${two.id}`, { parent_group_id: one.id }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422])
  })

  test("one with child groups, and one that a live entry refers to, stays", async () => {
    const database = await open()
    await using app = await openTestApp(database)
    const { headers } = await app.login("admin", true)
    const client = clientOf(app, headers)
    const top = await make(client, { name: "Top" })
    const sub = await make(client, { name: "Sub", parent_group_id: top.id })
    expect((await readProblem(await client.delete(`/groups/${top.id}`))).detail).toContain('"Sub"')
    const entry = await referTo(database, "array_group", sub.id)
    expect((await readProblem(await client.delete(`/groups/${sub.id}`))).code).toBe("CONFLICT")
    await database.db.update(database.tables.entry).set({ is_active: false }).where(eq(database.tables.entry.id, entry))
    expect((await client.delete(`/groups/${sub.id}`)).status).toBe(204)
    expect((await client.delete(`/groups/${top.id}`)).status).toBe(204)
  })

  test("a group that is deleted takes its roles with it", async () => {
    await using app = await openTestApp(await open())
    const { headers } = await app.login("admin", true)
    const client = clientOf(app, headers)
    const group = await make(client, { name: "A" })
    const role = (await (
      await client.post("/roles", { name: "R", groups: [group.id], admin_groups: [group.id] })
    ).json()) as {
      id: number
    }
    await client.delete(`/groups/${group.id}`)
    expect(await (await client.get(`/roles/${role.id}`)).json()).toMatchObject({ groups: [], admin_groups: [] })
  })

  test("nobody but an admin sees or changes groups, and one who is read-only changes none", async () => {
    await using app = await openTestApp(await open())
    const { headers, user } = await app.login("admin", true)
    const { id } = await make(clientOf(app, headers), { name: "A" })
    const ana = clientOf(app, (await app.login("ana")).headers)
    for (const response of [
      await ana.get("/groups"),
      await ana.get(`/groups/${id}`),
      await ana.post("/groups", {}),
      await ana.patch(`/groups/${id}`, {}),
      await ana.delete(`/groups/${id}`),
      await ana.get("/groups/99"),
    ]) {
      expect((await readProblem(response)).status).toBe(403)
    }
    await app.accounts.updateUser(user.id, { is_readonly: true })
    const reader = clientOf(app, headers)
    expect((await reader.get(`/groups/${id}`)).status).toBe(200)
    expect((await reader.patch(`/groups/${id}`, {})).status).toBe(403)
    expect((await reader.delete(`/groups/${id}`)).status).toBe(403)
    expect((await reader.post("/groups", { name: "B" })).status).toBe(403)
  })
})
