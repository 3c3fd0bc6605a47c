import { describe, expect, test } from "bun:test"
import type { User } from "@pagoda/sdk"
import { openTestApp, password } from "../support/app.ts"
import { type Client, clientOf } from "../support/client.ts"
import { eachDatabase } from "../support/database.ts"
import { readProblem } from "../support/problem.ts"

eachDatabase((_, open) => {
  test("an admin makes, reads, lists, changes and deletes users; a password is never given", async () => {
    await using app = await openTestApp(await open())
    const { user: admin, headers } = await app.login("admin", true)
    const client = clientOf(app, headers)

    const created = await client.post("/users", { username: "Ana", password, email: "ana@example.org" })
    expect(created.status).toBe(201)
    const ana = (await created.json()) as User
    expect(ana).toEqual({
      id: expect.any(String),
      username: "Ana",
      email: "ana@example.org",
      is_admin: false,
      is_readonly: false,
      is_active: true,
    })
    expect(await (await client.get(`/users/${ana.id}`)).json()).toEqual(ana)
    expect(await (await client.get("/users")).json()).toEqual({
      count: 2,
      next: null,
      previous: null,
      results: [admin, ana],
    })
    expect(await (await client.get("/users?limit=1&offset=1")).json()).toEqual({
      count: 2,
      next: null,
      previous: "/api/v2/users?limit=1&offset=0",
      results: [ana],
    })

    const changed = await client.patch(`/users/${ana.id}`, { username: "anna", is_readonly: true, email: null })
    expect(await changed.json()).toEqual({ ...ana, username: "anna", is_readonly: true, email: null })
    await app.accounts.login({ username: "anna", password, address: "::1" })

    expect((await client.delete(`/users/${ana.id}`)).status).toBe(204)
    expect((await readProblem(await client.delete(`/users/${ana.id}`))).status).toBe(404)
    expect((await readProblem(await client.get(`/users/${ana.id}`))).status).toBe(404)
    expect((await readProblem(await client.get("/users/a%00b"))).status).toBe(404)
  })

  test("a name or an address that is taken is 409, what does not fit is 422 with all problems, unknown fields too", async () => {
    await using app = await openTestApp(await open())
    const { headers } = await app.login("admin", true)
    const client = clientOf(app, headers)
    await client.post("/users", { username: "ana", password })
    const { user: ben } = await app.login("ben")

    const taken = await readProblem(await client.post("/users", { username: "ANA", password }))
    expect(taken).toMatchObject({ status: 409, code: "NAME_TAKEN", errors: [{ path: "username" }] })
    const renamed = await readProblem(await client.patch(`/users/${ben.id}`, { username: "Ana" }))
    expect(renamed).toMatchObject({ status: 409, code: "NAME_TAKEN", errors: [{ path: "username" }] })
    const unfit = await readProblem(await client.post("/users", { username: "a b", password: "short", email: "x" }))
    expect(unfit.errors?.map(({ path }) => path)).toEqual(["username", "email", "password"])
    const unknown = await readProblem(await client.patch(`/users/${ben.id}`, { is_root: true }))
    expect(unknown).toMatchObject({ status: 422, errors: [{ path: "is_root" }] })
    expect((await readProblem(await client.post("/users", { username: "cy" }))).errors).toMatchObject([
      { path: "password" },
    ])
  })

  test("nobody but an admin sees or changes users, and nobody gives himself admin", async () => {
    await using app = await openTestApp(await open())
    const { user: admin } = await app.login("admin", true)
    const { user, headers } = await app.login("ana")
    const client = clientOf(app, headers)
    const tries = [
      client.get("/users"),
      client.get(`/users/${admin.id}`),
      client.post("/users", { username: "eve", password, is_admin: true }),
      client.patch(`/users/${user.id}`, { is_admin: true }),
      client.patch(`/users/${admin.id}`, { password: "a new password" }),
      client.delete(`/users/${admin.id}`),
    ]
    for (const response of await Promise.all(tries)) expect((await readProblem(response)).status).toBe(403)
    expect(await app.accounts.getUser(user.id)).toEqual(user)
    expect((await app.request("/api/v2/users")).status).toBe(401)
  })

  test("an admin who is read-only sees users and changes none", async () => {
    await using app = await openTestApp(await open())
    const { user, headers } = await app.login("admin", true)
    await app.accounts.updateUser(user.id, { is_readonly: true })
    const client = clientOf(app, headers)
    expect((await client.get("/users")).status).toBe(200)
    expect((await client.patch(`/users/${user.id}`, { is_readonly: false })).status).toBe(403)
    expect((await client.post("/users", { username: "ana", password })).status).toBe(403)
  })

  describe("ends at once", () => {
    test.each([
      ["who is no longer active", (client: Client, id: string) => client.patch(`/users/${id}`, { is_active: false })],
      ["who is deleted", (client: Client, id: string) => client.delete(`/users/${id}`)],
    ])("the session and the tokens of a user %s", async (_title, end) => {
      await using app = await openTestApp(await open())
      const admin = await app.login("admin", true)
      const { user, headers } = await app.login("ana")
      const { token } = await app.accounts.tokens.create(user, { name: "mine" })
      const both = [headers, { authorization: `Bearer ${token}` }]
      for (const shown of both) expect((await app.request("/api/v2/me", { headers: shown })).status).toBe(200)
      expect((await end(clientOf(app, admin.headers), user.id)).ok).toBe(true)
      for (const shown of both) expect((await app.request("/api/v2/me", { headers: shown })).status).toBe(401)
    })
  })

  test("the last admin who may write stays one, and nobody deletes himself", async () => {
    await using app = await openTestApp(await open())
    const { user: admin, headers } = await app.login("admin", true)
    const client = clientOf(app, headers)
    for (const changes of [{ is_admin: false }, { is_active: false }, { is_readonly: true }]) {
      expect((await readProblem(await client.patch(`/users/${admin.id}`, changes))).code).toBe("CONFLICT")
    }
    expect((await readProblem(await client.delete(`/users/${admin.id}`))).code).toBe("CONFLICT")
    expect((await client.patch(`/users/${admin.id}`, { email: "a@example.org" })).status).toBe(200)

    const { user: other } = await app.login("other", true)
    expect((await readProblem(await client.delete(`/users/${admin.id}`))).detail).toContain("that is you")
    expect((await client.patch(`/users/${admin.id}`, { is_admin: false })).status).toBe(200)
    expect((await readProblem(await client.delete(`/users/${other.id}`))).status).toBe(403)
  })

  test("of two admins who are changed at once, one stays", async () => {
    await using app = await openTestApp(await open())
    const { user: one, headers } = await app.login("one", true)
    const two = await app.login("two", true)
    const answers = await Promise.all([
      clientOf(app, two.headers).patch(`/users/${one.id}`, { is_admin: false }),
      clientOf(app, headers).patch(`/users/${two.user.id}`, { is_admin: false }),
    ])
    const [worked, refused] = answers.map(({ status }) => status).sort()
    expect(worked).toBe(200)
    expect([403, 409]).toContain(refused as number)
  })

  test("what an admin did to users is in the audit record, without passwords", async () => {
    await using app = await openTestApp(await open())
    const { user: admin, headers } = await app.login("admin", true)
    const client = clientOf(app, headers)
    const ana = (await (await client.post("/users", { username: "ana", password })).json()) as User
    await client.patch(`/users/${ana.id}`, { is_active: false, password: "an even newer one" })
    await client.delete(`/users/${ana.id}`)
    await client.patch(`/users/${ana.id}`, { is_active: true })
    const text = await (await client.get("/admin/audit")).text()
    expect(text).not.toContain(password)
    expect(text).not.toContain("an even newer one")
    const { count, results } = JSON.parse(text) as { count: number; results: object[] }
    const common = { user: { id: admin.id, username: "admin" }, object_type: "user", object_id: ana.id }
    expect(count).toBe(3)
    expect(results).toMatchObject([
      { ...common, action: "delete", changes: { username: "ana" } },
      { ...common, action: "update", changes: { is_active: false, password: "changed" } },
      { ...common, action: "create", changes: { username: "ana" } },
    ])
    const { headers: plain } = await app.login("ben")
    expect((await clientOf(app, plain).get("/admin/audit")).status).toBe(403)
  })
})
