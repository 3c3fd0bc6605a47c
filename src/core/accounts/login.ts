import { randomUUID } from "node:crypto"
import type { User } from "@pagoda/sdk"
import { eq, lt } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import { isUsername, normalizeUsername, usernameLimit } from "../../username.ts"
import type { Auth } from "./auth.ts"
import type { createCredentials } from "./credentials.ts"
import { createLoginLimit } from "./login-limit.ts"
import { toUser } from "./users.ts"

type Parts = {
  database: Database
  openAuth: () => Promise<Auth>
  credentials: Pick<ReturnType<typeof createCredentials>, "toSigned">
}

type LoginRequest = { username: string; password: string; address: string }

/** Whoever guesses learns nothing from the answer, nor from how long it takes: each one costs one hash. */
export function createLogin({ database: { db, tables }, openAuth, credentials }: Parts) {
  const limit = createLoginLimit()

  async function login(request: LoginRequest): Promise<{ token: string; user: User }> {
    const username = normalizeUsername(request.username.slice(0, usernameLimit + 1))
    return limit.attempt(`${username}\n${request.address}`, async () => {
      const auth = await openAuth()
      const [row] = isUsername(username)
        ? await db.select().from(tables.user).where(eq(tables.user.username, username))
        : []
      if (!row?.is_active) {
        // The same way through better-auth as for a wrong password, for a name that no one has.
        await signIn(auth, randomUUID(), request.password)
        throw wrong()
      }
      const { token } = await signIn(auth, username, request.password)
      await db.delete(tables.session).where(lt(tables.session.expiresAt, new Date()))
      return { token: credentials.toSigned(token), user: toUser(row) }
    })
  }

  return login
}

async function signIn(auth: Auth, username: string, password: string): Promise<{ token: string }> {
  try {
    return await auth.api.signInUsername({ body: { username, password } })
  } catch (error) {
    const { isAPIError } = await import("better-auth/api")
    if (isAPIError(error) && error.statusCode < 500) throw wrong()
    throw error
  }
}

function wrong(): PagodaError {
  return new PagodaError("CREDENTIALS_INVALID", "Cannot log in: the user name or the password is wrong")
}
