import { describe, expect, test } from "bun:test"
import { eq } from "drizzle-orm"
import type { Principal } from "../../src/core/accounts/principals.ts"
import { openTestAccounts, withBearer, withCookie } from "../support/accounts.ts"
import { eachDatabase, type OpenTestDatabase } from "../support/database.ts"

const address = "127.0.0.1"
const ana = { username: "Ana", password: "correct horse" }

async function startWithAna(open: OpenTestDatabase) {
  const database = await open()
  const started = openTestAccounts(database)
  const { user } = await started.accounts.createUser(ana)
  const login = async () => (await started.accounts.login({ ...ana, address })).token
  return { database, user, login, ...started }
}

eachDatabase((_dialect, open) => {
  describe("login()", () => {
    test("gives a session that works as a bearer token, as a token and as a cookie", async () => {
      const { accounts, user } = await startWithAna(open)
      const { token, user: same } = await accounts.login({ ...ana, username: "ana", address })
      expect(same).toEqual(user)
      expect(await accounts.principal(withBearer(token))).toEqual({ user, via: "token" })
      expect(await accounts.principal(new Headers({ authorization: `token ${token}` }))).toEqual({ user, via: "token" })
      expect(await accounts.principal(withCookie(token))).toEqual({ user, via: "cookie" })
    })

    test("answers the same for a wrong password, an unknown user, a malformed name and one who is not active", async () => {
      const { accounts, user, lines } = await startWithAna(open)
      const attempts = [
        { username: "ana", password: "wrong horse" },
        { username: "nobody", password: ana.password },
        { username: "a b\u0000", password: ana.password },
        { username: "x".repeat(5000), password: "y".repeat(5000) },
        { username: "ana", password: "y".repeat(5000) },
        { username: "", password: "" },
      ]
      const refusals = []
      for (const attempt of attempts)
        refusals.push(await accounts.login({ ...attempt, address }).catch((error) => error))
      await accounts.updateUser(user.id, { is_active: false })
      refusals.push(await accounts.login({ ...ana, address }).catch((error) => error))
      for (const error of refusals) {
        expect(error).toMatchObject({ code: "CREDENTIALS_INVALID", status: 401, message: refusals[0].message })
      }
      expect(lines.join("")).not.toContain("horse")
    })

    test("refuses the eleventh after ten failures of one name and address, and says when to come again", async () => {
      const { accounts } = await startWithAna(open)
      const wrong = { username: "ANA", password: "wrong", address }
      for (let i = 0; i < 10; i++) {
        await expect(accounts.login(wrong)).rejects.toMatchObject({ code: "CREDENTIALS_INVALID" })
      }
      const refused = await accounts.login({ ...ana, address }).catch((error) => error)
      expect(refused).toMatchObject({ code: "TOO_MANY_ATTEMPTS", status: 429 })
      expect(Number(refused.headers["Retry-After"])).toBeWithin(1, 61)
      await accounts.login({ ...ana, address: "10.0.0.1" })
    }, 20_000)

    test("the rows of sessions let no one in", async () => {
      const { accounts, database, login } = await startWithAna(open)
      const token = await login()
      const [row] = await database.db.select().from(database.tables.session)
      expect(await accounts.principal(withBearer(row?.token as string))).toBeNull()
      expect(await accounts.principal(withBearer(`${row?.token}.${"A".repeat(43)}`))).toBeNull()
      expect(token).toStartWith(row?.token as string)
      const { accounts: elsewhere } = openTestAccounts(database, "another key that is long enough too")
      expect(await elsewhere.principal(withBearer(token))).toBeNull()
    })
  })

  describe("principal()", () => {
    test("is nobody without credentials, at once", async () => {
      const { accounts } = openTestAccounts(await open())
      expect(accounts.principal(new Headers())).toBeNull()
      expect(accounts.principal(new Headers({ authorization: "Basic YTpi" }))).toBeNull()
      expect(accounts.principal(new Headers({ cookie: "other=1" }))).toBeNull()
      expect(accounts.principal(withBearer("x".repeat(5000)))).toBeNull()
    })

    test("is nobody for junk", async () => {
      const { accounts, login } = await startWithAna(open)
      const token = await login()
      const junk = [
        "x",
        ".",
        `${token}x`,
        token.slice(1),
        `pgd_${"a".repeat(64)}`,
        "pgd_' or 1=1",
        "a.b.c",
        "%00",
        "日本",
      ]
      for (const value of junk) {
        expect(await accounts.principal(new Headers({ authorization: `Bearer ${encodeURI(value)}` }))).toBeNull()
      }
    })

    test("gives the same object at once when it was asked seconds ago, which nobody can change", async () => {
      const { accounts, login } = await startWithAna(open)
      const headers = withBearer(await login())
      const first = (await accounts.principal(headers)) as Principal
      expect(accounts.principal(headers)).toBe(first)
      expect(() => Object.assign(first.user, { is_admin: true })).toThrow()
    })

    test("leaves it to the cookie when the scheme is someone else's", async () => {
      const { accounts, user, login } = await startWithAna(open)
      const headers = withCookie(await login())
      headers.set("authorization", "Basic YTpi")
      expect(await accounts.principal(headers)).toEqual({ user, via: "cookie" })
      headers.set("authorization", "Bearer junk")
      expect(await accounts.principal(headers)).toBeNull()
    })

    test("forgets at once who logged out, and leaves other sessions alone", async () => {
      const { accounts, user, login } = await startWithAna(open)
      const [one, two] = [await login(), await login()]
      for (const headers of [withBearer(one), withCookie(one), withBearer(two)]) await accounts.principal(headers)
      await accounts.logout(withCookie(one))
      expect(await accounts.principal(withBearer(one))).toBeNull()
      expect(await accounts.principal(withCookie(one))).toBeNull()
      expect(await accounts.principal(withBearer(two))).toEqual({ user, via: "token" })
      await accounts.logout(new Headers())
      await accounts.logout(withBearer("junk"))
    })

    test("sees at once what changed about the user", async () => {
      const { accounts, user, login } = await startWithAna(open)
      const session = withBearer(await login())
      const { token } = await accounts.tokens.create(user, { name: "ci" })
      for (const headers of [session, withBearer(token)]) await accounts.principal(headers)
      await accounts.updateUser(user.id, { is_admin: true })
      expect(await accounts.principal(session)).toMatchObject({ user: { is_admin: true } })
      await accounts.updateUser(user.id, { is_active: false })
      expect(await accounts.principal(session)).toBeNull()
      expect(await accounts.principal(withBearer(token))).toBeNull()
      await accounts.updateUser(user.id, { is_active: true })
      expect(await accounts.principal(session)).toBeNull()
      expect(await accounts.principal(withBearer(token))).toMatchObject({ user: { is_active: true } })
    })

    test("a session that is over is nobody; one that is used lasts another week", async () => {
      const { accounts, database, login } = await startWithAna(open)
      const { db, tables } = database
      const { session } = tables
      const token = await login()
      const soon = new Date(Date.now() + 3600_000)
      await db.update(session).set({ expiresAt: soon })
      expect(await accounts.principal(withBearer(token))).not.toBeNull()
      const [row] = await db.select().from(session)
      expect(row?.expiresAt.getTime()).toBeGreaterThan(soon.getTime() + 6 * 24 * 3600_000)
      await db.update(session).set({ expiresAt: new Date(Date.now() - 1) })
      expect(await openTestAccounts(database).accounts.principal(withBearer(token))).toBeNull()
      await login()
      expect(await db.select().from(session)).toHaveLength(1)
    })
  })

  describe("tokens", () => {
    test("a token names its user, and is stored as a hash only", async () => {
      const { accounts, user, database, lines } = await startWithAna(open)
      const { token, ...made } = await accounts.tokens.create(user, { name: "ci" })
      expect(token).toMatch(/^pgd_/)
      expect(made).toMatchObject({ name: "ci", expires_at: null, created_at: expect.stringMatching(/Z$/) })
      expect(await accounts.principal(withBearer(token))).toEqual({ user, via: "token" })
      expect(await accounts.tokens.list(user)).toEqual([made])
      const stored = JSON.stringify(await database.db.select().from(database.tables.apikey))
      expect(stored + lines.join("")).not.toContain(token.slice(4, 20))
    })

    test("revoke() ends it at once", async () => {
      const { accounts, user } = await startWithAna(open)
      const { id, token } = await accounts.tokens.create(user, { name: "ci" })
      await accounts.principal(withBearer(token))
      await accounts.tokens.revoke(user, id)
      expect(await accounts.principal(withBearer(token))).toBeNull()
      expect(await accounts.tokens.list(user)).toEqual([])
      await expect(accounts.tokens.revoke(user, id)).rejects.toMatchObject({ code: "NOT_FOUND" })
    })

    test("revoke() of another's: not found, but for an admin", async () => {
      const { accounts, user } = await startWithAna(open)
      const { user: other } = await accounts.createUser({ username: "ben" })
      const { user: admin } = await accounts.createUser({ username: "root", is_admin: true })
      const { id, token } = await accounts.tokens.create(user, { name: "ci" })
      await expect(accounts.tokens.revoke(other, id)).rejects.toMatchObject({ code: "NOT_FOUND", status: 404 })
      expect(await accounts.tokens.list(other)).toEqual([])
      expect(await accounts.principal(withBearer(token))).not.toBeNull()
      await accounts.tokens.revoke(admin, id)
      expect(await accounts.principal(withBearer(token))).toBeNull()
    })

    test("a token that expired or was switched off names nobody", async () => {
      const { accounts, user, database } = await startWithAna(open)
      const { apikey } = database.tables
      const { id, token } = await accounts.tokens.create(user, { name: "ci" })
      const set = (changes: object) => database.db.update(apikey).set(changes).where(eq(apikey.id, id))
      const ask = () => openTestAccounts(database).accounts.principal(withBearer(token))
      await set({ expiresAt: new Date(Date.now() - 1) })
      expect(await ask()).toBeNull()
      await set({ expiresAt: null, enabled: false })
      expect(await ask()).toBeNull()
      await set({ enabled: true })
      expect(await ask()).not.toBeNull()
    })

    test("a name is wanted", async () => {
      const { accounts, user } = await startWithAna(open)
      for (const name of ["", "x".repeat(201), "a\u0000"]) {
        await expect(accounts.tokens.create(user, { name })).rejects.toMatchObject({
          code: "VALIDATION_FAILED",
          issues: [{ path: "name" }],
        })
      }
      expect((await accounts.tokens.create(user, { name: "日本 ☃ '\"" })).name).toBe("日本 ☃ '\"")
    })
  })
})
