import type { User } from "@pagoda/sdk"
import type { Database } from "../db/database.ts"
import type { Log } from "../log.ts"
import { createCredentials } from "./accounts/credentials.ts"
import { createLogin } from "./accounts/login.ts"
import { createPrincipals, type Principal } from "./accounts/principals.ts"
import { createTokens, type Token } from "./accounts/tokens.ts"
import { createUsers, type NewUser, type UserChanges, type Within } from "./accounts/users.ts"
import { deriveKey } from "./secret-key.ts"

export type Accounts = {
  /** The token is good for `Authorization` and as the value of the cookie `sessionCookie`. */
  login(credentials: { username: string; password: string; address: string }): Promise<{ token: string; user: User }>
  /** Ends the session that the headers show; without one it does nothing. */
  logout(headers: Headers): Promise<void>
  /** At once, with the same object, where the credentials were checked seconds ago. */
  principal(headers: Headers): Principal | null | Promise<Principal | null>
  /** `password` is there when it was made up here. */
  createUser(user: NewUser, within?: Within): Promise<{ user: User; password?: string }>
  getUser(id: string): Promise<User | null>
  findUser(username: string): Promise<User | null>
  listUsers(page: { limit: number; offset: number }): Promise<{ count: number; results: User[] }>
  updateUser(id: string, changes: UserChanges, within?: Within): Promise<User>
  deleteUser(id: string, within?: Within): Promise<void>
  /** Makes the first user of a new database, an admin; `password` is there when it was made up here. */
  ensureAdmin(admin: {
    username: string
    password?: string | undefined
  }): Promise<{ username: string; password?: string } | undefined>
  tokens: {
    list(user: User): Promise<Token[]>
    create(user: User, options: { name: string }): Promise<Token & { token: string }>
    /** One's own, or anyone's for an admin. */
    revoke(user: User, id: string): Promise<void>
  }
}

export type AccountsOptions = { database: Database; secretKey: string; log: Log }

export function openAccounts({ database, secretKey, log }: AccountsOptions): Accounts {
  const secret = Buffer.from(deriveKey(secretKey, "sessions")).toString("base64url")
  // Loading it takes longer than all else at start, and checking a credential does not need it.
  let opening: ReturnType<typeof loadAuth> | undefined
  const openAuth = () => {
    opening ??= loadAuth({ database, secret, log })
    return opening
  }

  const credentials = createCredentials(database, secret)
  const principals = createPrincipals(credentials.check)
  const users = createUsers(database)
  const login = createLogin({ database, openAuth, credentials })
  const tokens = createTokens(database, openAuth)

  return {
    login,
    async logout(headers) {
      const token = credentials.readSession(headers)
      if (token === null) return
      await credentials.endSession(token)
      principals.forget((checked) => checked.session_token === token)
    },
    principal: principals.read,
    createUser: users.create,
    getUser: users.get,
    findUser: users.find,
    listUsers: users.list,
    async updateUser(id, changes, within) {
      try {
        return await users.update(id, changes, within)
      } finally {
        principals.forget(({ principal }) => principal.user.id === id)
      }
    },
    async deleteUser(id, within) {
      try {
        await users.delete(id, within)
      } finally {
        principals.forget(({ principal }) => principal.user.id === id)
      }
    },
    ensureAdmin: users.ensureAdmin,
    tokens: {
      list: tokens.list,
      create: tokens.create,
      async revoke(user, id) {
        await tokens.revoke(user, id)
        principals.forget((checked) => checked.token_id === id)
      },
    },
  }
}

async function loadAuth(options: { database: Database; secret: string; log: Log }) {
  const { openAuth } = await import("./accounts/auth.ts")
  return openAuth(options)
}
