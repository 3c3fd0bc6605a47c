import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { and, eq } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { type Credential, readCredential, sessionSeconds, tokenPrefix } from "./credential.ts"
import type { Checked } from "./principals.ts"
import { toUser } from "./users.ts"

const dayMs = 24 * 3600 * 1000
const sessionMs = sessionSeconds * 1000
const tokenForm = new RegExp(`^${tokenPrefix}[A-Za-z]{64}$`)
const sessionForm = /^([A-Za-z0-9]{32})\.([A-Za-z0-9_-]{43})$/

/**
 * Sessions and tokens as better-auth stores them, checked without loading it: one query and no write. What a session is
 * known by outside is signed, so that the table alone lets no one in.
 */
export function createCredentials({ db, tables: { apikey, session, user } }: Database, secret: string) {
  const sign = (token: string) => createHmac("sha256", secret).update(token).digest("base64url")

  function readSigned(value: string): string | null {
    const [, token, signature] = sessionForm.exec(value) ?? []
    if (token === undefined || signature === undefined) return null
    return timingSafeEqual(Buffer.from(sign(token)), Buffer.from(signature)) ? token : null
  }

  async function checkToken(value: string, via: Credential["via"]): Promise<Checked | null> {
    const hash = createHash("sha256").update(value).digest("base64url")
    const [found] = await db
      .select({ id: apikey.id, enabled: apikey.enabled, expiresAt: apikey.expiresAt, user })
      .from(apikey)
      .innerJoin(user, eq(user.id, apikey.referenceId))
      .where(eq(apikey.key, hash))
    if (!found?.user.is_active || found.enabled === false || isOver(found.expiresAt)) return null
    return { principal: Object.freeze({ user: Object.freeze(toUser(found.user)), via }), token_id: found.id }
  }

  async function checkSession(value: string, via: Credential["via"]): Promise<Checked | null> {
    const token = readSigned(value)
    if (token === null) return null
    const [found] = await db
      .select({ id: session.id, expiresAt: session.expiresAt, user })
      .from(session)
      .innerJoin(user, eq(user.id, session.userId))
      .where(eq(session.token, token))
    if (!found?.user.is_active || isOver(found.expiresAt)) return null
    await prolong(found.id, found.expiresAt)
    return { principal: Object.freeze({ user: Object.freeze(toUser(found.user)), via }), session_token: token }
  }

  /** A session that is used does not end; it costs a write a day. */
  async function prolong(id: string, expiresAt: Date): Promise<void> {
    const now = Date.now()
    if (expiresAt.getTime() - now > sessionMs - dayMs) return
    await db
      .update(session)
      .set({ expiresAt: new Date(now + sessionMs), updatedAt: new Date(now) })
      .where(and(eq(session.id, id), eq(session.expiresAt, expiresAt)))
  }

  return {
    check: ({ value, via }: Credential) => (tokenForm.test(value) ? checkToken(value, via) : checkSession(value, via)),
    toSigned: (token: string) => `${token}.${sign(token)}`,
    readSession(headers: Headers): string | null {
      const credential = readCredential(headers.get("authorization"), headers)
      return credential && readSigned(credential.value)
    },
    async endSession(token: string): Promise<void> {
      await db.delete(session).where(eq(session.token, token))
    },
  }
}

function isOver(time: Date | null): boolean {
  return time !== null && time.getTime() <= Date.now()
}
