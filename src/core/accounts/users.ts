import { randomBytes } from "node:crypto"
import type { User } from "@pagoda/sdk"
import { and, asc, count, eq } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { isUniqueViolation } from "../../db/database-error.ts"
import type { Tables } from "../../db/schema.ts"
import { type Issue, PagodaError } from "../../errors.ts"
import { isUsername, normalizeUsername, usernameRule } from "../../username.ts"
import { membersTurn, takeTurn } from "../turn.ts"

export type NewUser = {
  username: string
  /** Left out: a random one, given back once. */
  password?: string | undefined
  email?: string | null | undefined
  is_admin?: boolean | undefined
  is_readonly?: boolean | undefined
}

export type UserChanges = Partial<Pick<User, "username" | "email" | "is_admin" | "is_readonly" | "is_active">> & {
  password?: string
}

/** What belongs into the transaction: after a user was made, and before one is changed or deleted, with him as he is. */
export type Within = (handle: Transaction, user: User) => Promise<void>

type Row = Tables["user"]["$inferSelect"]

/** better-auth wants an address of everyone; this top-level domain exists for no one. */
const noAddress = "@user.invalid"
const firstAdminRow = "first_admin"

export function toUser(row: Row): User {
  return {
    id: row.id,
    username: row.displayUsername,
    email: row.email.endsWith(noAddress) ? null : row.email,
    is_admin: row.is_admin,
    is_readonly: row.is_readonly,
    is_active: row.is_active,
  }
}

export function createUsers({ db, tables, transaction }: Database) {
  async function create({ password, ...user }: NewUser & { password: string }, within?: Within): Promise<User> {
    refuse("make a user", [...checkUsername(user.username), ...checkEmail(user.email), ...checkPassword(password)])
    const hash = await hashPassword(password)
    return naming(user, () =>
      transaction(async (handle) => {
        const made = await insert(handle, user, hash)
        await within?.(handle, made)
        return made
      }),
    )
  }

  async function insert(handle: Transaction, user: NewUser, hash: string): Promise<User> {
    const id = Bun.randomUUIDv7()
    const made = { createdAt: new Date(), updatedAt: new Date() }
    const values = {
      id,
      ...toStoredName(user.username),
      email: toStoredEmail(id, user.email),
      is_admin: user.is_admin ?? false,
      is_readonly: user.is_readonly ?? false,
      ...made,
    }
    const [row] = await handle.insert(tables.user).values(values).returning()
    await handle
      .insert(tables.account)
      .values({ id: Bun.randomUUIDv7(), accountId: id, providerId: "credential", userId: id, password: hash, ...made })
    return toUser(row as Row)
  }

  async function read(handle: Transaction, id: string): Promise<User> {
    const [row] = await handle.select().from(tables.user).where(eq(tables.user.id, id))
    if (!row) throw new PagodaError("NOT_FOUND", `There is no user "${id}"`)
    return toUser(row)
  }

  return {
    async create(user: NewUser, within?: Within): Promise<{ user: User; password?: string }> {
      const password = user.password ?? makeUpPassword()
      const made = await create({ ...user, password }, within)
      return user.password === undefined ? { user: made, password } : { user: made }
    },

    async get(id: string): Promise<User | null> {
      const [row] = await db.select().from(tables.user).where(eq(tables.user.id, id))
      return row ? toUser(row) : null
    },

    async find(username: string): Promise<User | null> {
      if (!isUsername(username)) return null
      const [row] = await db
        .select()
        .from(tables.user)
        .where(eq(tables.user.username, normalizeUsername(username)))
      return row ? toUser(row) : null
    },

    /** A new password, or an end of being active, ends every session. */
    async update(id: string, changes: UserChanges, within?: Within): Promise<User> {
      const { password, email, username, ...flags } = changes
      refuse("change the user", [
        ...(username === undefined ? [] : checkUsername(username)),
        ...checkEmail(email),
        ...(password === undefined ? [] : checkPassword(password)),
      ])
      const hash = password === undefined ? undefined : await hashPassword(password)
      const stored = {
        ...(email === undefined ? {} : { email: toStoredEmail(id, email) }),
        ...(username === undefined ? {} : toStoredName(username)),
      }
      return naming(changes, () =>
        transaction(async (handle) => {
          if (within) await within(handle, await read(handle, id))
          const values = { ...flags, ...stored, updatedAt: new Date() }
          const [row] = await handle.update(tables.user).set(values).where(eq(tables.user.id, id)).returning()
          if (!row) throw new PagodaError("NOT_FOUND", `There is no user "${id}"`)
          if (hash !== undefined) {
            const { account } = tables
            const own = and(eq(account.userId, id), eq(account.providerId, "credential"))
            await handle.update(account).set({ password: hash, updatedAt: new Date() }).where(own)
          }
          if (hash !== undefined || !row.is_active) {
            await handle.delete(tables.session).where(eq(tables.session.userId, id))
          }
          return toUser(row)
        }),
      )
    },

    async list({ limit, offset }: { limit: number; offset: number }): Promise<{ count: number; results: User[] }> {
      const [all] = await db.select({ count: count() }).from(tables.user)
      const rows = await db.select().from(tables.user).orderBy(asc(tables.user.id)).limit(limit).offset(offset)
      return { count: all?.count ?? 0, results: rows.map(toUser) }
    },

    /** His sessions and tokens go with him; what he wrote keeps his name. */
    async delete(id: string, within?: Within): Promise<void> {
      const { group_member, role_member } = tables
      await transaction(async (handle) => {
        await takeTurn(handle, tables, membersTurn)
        const user = await read(handle, id)
        await within?.(handle, user)
        await handle.delete(group_member).where(eq(group_member.user_id, id))
        await handle.delete(role_member).where(and(eq(role_member.member_type, "user"), eq(role_member.member_id, id)))
        await handle.delete(tables.user).where(eq(tables.user.id, id))
      })
    },

    /** Of several replicas that start on a new database, the one whose row is first makes the admin. */
    async ensureAdmin({ username, password }: { username: string; password?: string | undefined }) {
      const someone = await db.select({ id: tables.user.id }).from(tables.user).limit(1)
      if (someone.length > 0) return undefined
      refuse("make the first admin", checkUsername(username))
      const chosen = password ?? makeUpPassword()
      const hash = await hashPassword(chosen)
      const made = await transaction(async (handle) => {
        const claim = { key: firstAdminRow, value: normalizeUsername(username) }
        const [claimed] = await handle.insert(tables.meta).values(claim).onConflictDoNothing().returning()
        if (!claimed) return false
        const others = await handle.select({ id: tables.user.id }).from(tables.user).limit(1)
        if (others.length > 0) return false
        await insert(handle, { username, is_admin: true }, hash)
        return true
      })
      if (!made) return undefined
      return password === undefined ? { username, password: chosen } : { username }
    },
  }
}

async function hashPassword(password: string): Promise<string> {
  const { hashPassword } = await import("better-auth/crypto")
  return hashPassword(password)
}

function makeUpPassword(): string {
  return randomBytes(18).toString("base64url")
}

function toStoredName(username: string) {
  return { name: username, username: normalizeUsername(username), displayUsername: username }
}

function toStoredEmail(id: string, email: string | null | undefined): string {
  return email ? email.toLowerCase() : `${id}${noAddress}`
}

async function naming<T>(
  user: { username?: string; email?: string | null | undefined },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    const path = /email/.test(error.constraint ?? error.message) ? "email" : "username"
    const message = `the ${path === "email" ? "address" : "user name"} "${user[path]}" is taken`
    throw new PagodaError("NAME_TAKEN", `Cannot store the user: ${message}`, {
      issues: [{ path, message, code: "NAME_TAKEN" }],
      cause: error,
    })
  }
}

function refuse(what: string, issues: Issue[]): void {
  if (issues.length === 0) return
  const all = issues.map(({ message }) => message).join("; ")
  throw new PagodaError("VALIDATION_FAILED", `Cannot ${what}: ${all}`, { issues })
}

function checkUsername(username: string): Issue[] {
  if (isUsername(username)) return []
  return [
    {
      path: "username",
      message: `the user name is ${JSON.stringify(username.slice(0, 100))}, wanted ${usernameRule}`,
      code: "USERNAME_INVALID",
    },
  ]
}

function checkEmail(email: string | null | undefined): Issue[] {
  if (!email || (/^[^\s@\0]+@[^\s@\0]+$/.test(email) && email.length <= 254 && !email.endsWith(noAddress))) return []
  return [{ path: "email", message: "the address is not one that mail can reach", code: "EMAIL_INVALID" }]
}

function checkPassword(password: string): Issue[] {
  if (password.length >= 8 && password.length <= 1024) return []
  const message = `the password has ${password.length} characters, wanted 8 to 1024`
  return [{ path: "password", message, code: "PASSWORD_INVALID" }]
}
