import { describe, expect, test } from "bun:test"
import { openTestAccounts } from "../support/accounts.ts"
import { eachDatabase } from "../support/database.ts"

const address = "127.0.0.1"

eachDatabase((_dialect, open) => {
  describe("createUser()", () => {
    test("makes up a password when none is given, and gives it back once", async () => {
      const { accounts, lines } = openTestAccounts(await open())
      const { user, password } = await accounts.createUser({ username: "ana" })
      expect(user).toEqual({
        id: expect.any(String),
        username: "ana",
        email: null,
        is_admin: false,
        is_readonly: false,
        is_active: true,
      })
      await accounts.login({ username: "ana", password: password as string, address })
      expect(await accounts.getUser(user.id)).toEqual(user)
      expect(lines.join("")).not.toContain(password as string)
      expect(await accounts.createUser({ username: "ben", password: "long enough" })).not.toHaveProperty("password")
    })

    test("keeps a name as it is written and finds it however it is", async () => {
      const { accounts } = openTestAccounts(await open())
      const { user } = await accounts.createUser({ username: "Zoë.Q", email: "Zoe@Example.org", is_readonly: true })
      expect(user).toMatchObject({ username: "Zoë.Q", email: "zoe@example.org", is_readonly: true })
      expect(await accounts.findUser("zoë.q")).toEqual(user)
      expect(await accounts.findUser("Zoe\u0308.q")).toEqual(user)
      expect(await accounts.findUser("nobody")).toBeNull()
      expect(await accounts.findUser("a\u0000b")).toBeNull()
      expect(await accounts.getUser("nobody")).toBeNull()
    })

    test("refuses a name or an address that is taken, each under its path", async () => {
      const { accounts } = openTestAccounts(await open())
      await accounts.createUser({ username: "ana", email: "ana@example.org" })
      const name = accounts.createUser({ username: "ANA" })
      await expect(name).rejects.toMatchObject({ code: "NAME_TAKEN", status: 409, issues: [{ path: "username" }] })
      const email = accounts.createUser({ username: "ben", email: "ANA@example.org" })
      await expect(email).rejects.toMatchObject({ code: "NAME_TAKEN", issues: [{ path: "email" }] })
      expect(await accounts.findUser("ben")).toBeNull()
    })

    test("says all that does not fit at once", async () => {
      const { accounts } = openTestAccounts(await open())
      const refused = accounts.createUser({ username: "a b", email: "x", password: "short" })
      await expect(refused).rejects.toMatchObject({
        code: "VALIDATION_FAILED",
        issues: [{ path: "username" }, { path: "email" }, { path: "password" }],
      })
    })

    test.each(["", " ", "a b", "-a", "a/b", "a\nb", "a\u0000", "x".repeat(101)])(
      "%j is no user name",
      async (username) => {
        const { accounts } = openTestAccounts(await open())
        await expect(accounts.createUser({ username })).rejects.toMatchObject({
          issues: [{ code: "USERNAME_INVALID" }],
        })
      },
    )
  })

  describe("updateUser()", () => {
    test("a new password counts, the old one does not, and sessions end", async () => {
      const { accounts } = openTestAccounts(await open())
      const { user } = await accounts.createUser({ username: "ana", password: "the old one" })
      const { token } = await accounts.login({ username: "ana", password: "the old one", address })
      await accounts.updateUser(user.id, { password: "the new one" })
      expect(await accounts.principal(new Headers({ authorization: `Bearer ${token}` }))).toBeNull()
      await expect(accounts.login({ username: "ana", password: "the old one", address })).rejects.toThrow(
        "Cannot log in",
      )
      await accounts.login({ username: "ana", password: "the new one", address })
    })

    test("changes what it names and nothing else", async () => {
      const { accounts } = openTestAccounts(await open())
      const { user } = await accounts.createUser({ username: "ana", email: "a@example.org" })
      expect(await accounts.updateUser(user.id, { is_admin: true })).toEqual({ ...user, is_admin: true })
      expect(await accounts.updateUser(user.id, { email: null })).toEqual({ ...user, is_admin: true, email: null })
      await expect(accounts.updateUser("nobody", { is_admin: true })).rejects.toMatchObject({ code: "NOT_FOUND" })
    })
  })

  describe("ensureAdmin()", () => {
    test("makes the first user only, and gives back a password only if it made it up", async () => {
      const { accounts } = openTestAccounts(await open())
      const made = await accounts.ensureAdmin({ username: "admin" })
      const { user } = await accounts.login({ username: "admin", password: made?.password as string, address })
      expect(user).toMatchObject({ username: "admin", is_admin: true })
      expect(await accounts.ensureAdmin({ username: "other" })).toBeUndefined()
      expect(await accounts.findUser("other")).toBeNull()
      const { accounts: second } = openTestAccounts(await open())
      expect(await second.ensureAdmin({ username: "root", password: "given" })).toEqual({ username: "root" })
      await second.login({ username: "root", password: "given", address })
    })

    test("of replicas that start at once, one makes the admin", async () => {
      const place = await open.place()
      const databases = [await open({ place }), await open({ place }), await open({ place })]
      const made = await Promise.all(
        databases.map((database, i) => openTestAccounts(database).accounts.ensureAdmin({ username: `admin${i}` })),
      )
      expect(made.filter((admin) => admin !== undefined)).toHaveLength(1)
      const users = await databases[0]?.db.select().from(databases[0].tables.user)
      expect(users).toHaveLength(1)
    })
  })
})
