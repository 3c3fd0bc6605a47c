import type { User } from "@pagoda/sdk"
import { Type as t } from "@sinclair/typebox"
import { and, eq, ne } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import type { Accounts } from "../accounts.ts"
import type { Audit } from "../audit.ts"
import { parseBody } from "../body.ts"
import { takeTurn } from "../turn.ts"
import { requireAdmin, requireAdminWriter } from "./require-admin.ts"

/** Users as an admin sees to them; all of it for admins. */
export type People = {
  list(actor: User, page: { limit: number; offset: number }): Promise<{ count: number; results: User[] }>
  get(actor: User, id: string): Promise<User>
  /** @throws VALIDATION_FAILED, NAME_TAKEN */
  create(actor: User, body: unknown): Promise<User>
  /** @throws NOT_FOUND, VALIDATION_FAILED, NAME_TAKEN; CONFLICT where no admin would be left */
  update(actor: User, id: string, body: unknown): Promise<User>
  /** @throws NOT_FOUND; CONFLICT for oneself, and where no admin would be left */
  delete(actor: User, id: string): Promise<void>
}

const fields = {
  email: t.Optional(t.Union([t.String(), t.Null()])),
  is_admin: t.Optional(t.Boolean()),
  is_readonly: t.Optional(t.Boolean()),
}
const strict = { additionalProperties: false }
const newUser = t.Object({ username: t.String(), password: t.String(), ...fields }, strict)
const changedUser = t.Object(
  { username: t.Optional(t.String()), password: t.Optional(t.String()), is_active: t.Optional(t.Boolean()), ...fields },
  strict,
)

export function createPeople(database: Database, accounts: Accounts, audit: Audit): People {
  const { tables } = database

  /** One that is read-only can make no one an admin. */
  async function requireAnotherAdmin(handle: Transaction, { id }: User, what: string): Promise<void> {
    const { user } = tables
    await takeTurn(handle, tables, "admin")
    const able = and(eq(user.is_admin, true), eq(user.is_active, true), eq(user.is_readonly, false))
    const [other] = await handle
      .select({ id: user.id })
      .from(user)
      .where(and(able, ne(user.id, id)))
      .limit(1)
    if (!other) throw new PagodaError("CONFLICT", `Cannot ${what}: no other admin who may write would be left`)
  }

  function authorize(actor: User, what: string): void {
    requireAdminWriter(actor, what)
  }

  return {
    async list(actor, page) {
      requireAdmin(actor, "see the users")
      return accounts.listUsers(page)
    },

    async get(actor, id) {
      requireAdmin(actor, "see the user")
      const user = isId(id) ? await accounts.getUser(id) : null
      if (!user) throw nobody(id)
      return user
    },

    async create(actor, body) {
      const what = "make the user"
      authorize(actor, what)
      const user = parseBody(what, newUser, body)
      const made = await accounts.createUser(user, (handle, made) =>
        audit(handle, actor, "create", "user", made.id, made),
      )
      return made.user
    },

    async update(actor, id, body) {
      const what = `change the user "${id}"`
      authorize(actor, what)
      if (!isId(id)) throw nobody(id)
      const changes = parseBody(what, changedUser, body)
      const { password, ...told } = changes
      return accounts.updateUser(id, changes, async (handle, before) => {
        if (isAbleAdmin(before) && !isAbleAdmin({ ...before, ...changes })) {
          await requireAnotherAdmin(handle, before, what)
        }
        await audit(
          handle,
          actor,
          "update",
          "user",
          id,
          password === undefined ? told : { ...told, password: "changed" },
        )
      })
    },

    async delete(actor, id) {
      const what = `delete the user "${id}"`
      authorize(actor, what)
      if (!isId(id)) throw nobody(id)
      if (id === actor.id) throw new PagodaError("CONFLICT", `Cannot ${what}: that is you`)
      await accounts.deleteUser(id, async (handle, before) => {
        if (isAbleAdmin(before)) await requireAnotherAdmin(handle, before, what)
        await audit(handle, actor, "delete", "user", id, { username: before.username })
      })
    },
  }
}

function isAbleAdmin({ is_admin, is_active, is_readonly }: User): boolean {
  return is_admin && is_active && !is_readonly
}

function isId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,100}$/.test(id)
}

function nobody(id: string): PagodaError {
  return new PagodaError("NOT_FOUND", `There is no user "${id}"`)
}
