import type { Time, User } from "@pagoda/sdk"
import { and, asc, eq } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import type { Auth } from "./auth.ts"

/** A token without its value, which is stored as a hash only. */
export type Token = { id: string; name: string; created_at: Time; expires_at: Time | null }

const longestName = 200

export function createTokens({ db, tables: { apikey } }: Database, openAuth: () => Promise<Auth>) {
  return {
    async list(user: User): Promise<Token[]> {
      const rows = await db
        .select({ id: apikey.id, name: apikey.name, createdAt: apikey.createdAt, expiresAt: apikey.expiresAt })
        .from(apikey)
        .where(eq(apikey.referenceId, user.id))
        .orderBy(asc(apikey.createdAt), asc(apikey.id))
      return rows.map(toToken)
    },

    async create(user: User, { name }: { name: string }): Promise<Token & { token: string }> {
      checkName(name)
      const auth = await openAuth()
      const { key, ...row } = await auth.api.createApiKey({ body: { name, userId: user.id } })
      return { ...toToken(row), token: key }
    },

    async revoke(user: User, id: string): Promise<void> {
      const which = user.is_admin ? eq(apikey.id, id) : and(eq(apikey.id, id), eq(apikey.referenceId, user.id))
      // Postgres takes no text with a NUL, not even to look for it
      const gone = id.includes("\0") ? [] : await db.delete(apikey).where(which).returning({ id: apikey.id })
      if (gone.length === 0) throw new PagodaError("NOT_FOUND", `There is no token "${id}"`)
    },
  }
}

type Row = { id: string; name: string | null; createdAt: Date; expiresAt: Date | null }

function toToken({ id, name, createdAt, expiresAt }: Row): Token {
  return { id, name: name ?? "", created_at: createdAt.toISOString(), expires_at: expiresAt?.toISOString() ?? null }
}

function checkName(name: string): void {
  const isLong = name.length === 0 || name.length > longestName
  if (!isLong && !name.includes("\0")) return
  const found = isLong ? `has ${name.length} characters` : "has a NUL character"
  const message = `the name ${found}, wanted 1 to ${longestName} characters and no NUL`
  throw new PagodaError("VALIDATION_FAILED", `Cannot make a token: ${message}`, {
    issues: [{ path: "name", message, code: "NAME_INVALID" }],
  })
}
