import type { User } from "@pagoda/sdk"
import { Type as t } from "@sinclair/typebox"
import { asc, count, eq, inArray } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import type { Audit } from "../audit.ts"
import { checkText, parseBody } from "../body.ts"
import { checkName, naming } from "../name.ts"
import { refuseIssues } from "../refuse.ts"
import { inTurn, membersTurn } from "../turn.ts"
import { refuseReferred } from "./referred.ts"
import { requireAdmin, requireAdminWriter, requireWriter } from "./require-admin.ts"
import { createRoleIds } from "./role-ids.ts"
import {
  checkRoleMembers,
  type RoleMembers,
  readRoleMembers,
  roleMemberFields,
  writeRoleMembers,
} from "./role-members.ts"

/** What grants levels on objects to its users, and to the members of its groups and of their child groups. */
export type Role = { id: number; name: string; description: string } & RoleMembers

const fields = { description: t.Optional(t.String()), ...roleMemberFields }
const roleBody = t.Object({ name: t.Optional(t.Unknown()), ...fields }, { additionalProperties: false })

type Page = { limit: number; offset: number }
type Fields = Partial<Omit<Role, "id">>

/** All of it for admins; a role's own admins may read and change theirs. */
export type Roles = {
  list(user: User, page: Page): Promise<{ count: number; results: Role[] }>
  get(user: User, id: number): Promise<Role>
  create(user: User, body: unknown): Promise<Role>
  update(user: User, id: number, body: unknown): Promise<Role>
  delete(user: User, id: number): Promise<void>
}

export function createRoles(database: Database, audit: Audit): Roles {
  const { db, tables } = database
  const { role } = tables
  const roleIds = createRoleIds(database)

  async function read(handle: Pick<Transaction, "select">, rows: (typeof role.$inferSelect)[]): Promise<Role[]> {
    const members = await readRoleMembers(
      handle,
      tables,
      rows.map(({ id }) => id),
    )
    return rows.map((row) => ({ ...row, ...(members.get(row.id) as RoleMembers) }))
  }

  async function readOne(handle: Pick<Transaction, "select">, id: number): Promise<Role> {
    const [found] = await read(handle, await handle.select().from(role).where(eq(role.id, id)))
    if (!found) throw new PagodaError("NOT_FOUND", `There is no role "${id}"`)
    return found
  }

  /** Whoever is neither admin nor the role's own is not told whether there is one. */
  async function authorize(user: User, id: number, what: string): Promise<void> {
    if (user.is_admin || (await roleIds(user.id, "admin")).includes(id)) return
    throw new PagodaError("FORBIDDEN", `Cannot ${what}: only an admin and the role's own admins may`)
  }

  return {
    async list(user, { limit, offset }) {
      const own = user.is_admin ? undefined : await roleIds(user.id, "admin")
      if (own?.length === 0) requireAdmin(user, "see the roles")
      const which = own && inArray(role.id, own)
      const [all] = await db.select({ count: count() }).from(role).where(which)
      const rows = await db.select().from(role).where(which).orderBy(asc(role.id)).limit(limit).offset(offset)
      return { count: all?.count ?? 0, results: await read(db, rows) }
    },

    async get(user, id) {
      await authorize(user, id, `see the role "${id}"`)
      return readOne(db, id)
    },

    async create(user, body) {
      const what = "make the role"
      requireAdminWriter(user, what)
      const parsed = parseBody(what, roleBody, body, ({ name, description }) => [
        ...checkName(name, "role"),
        ...checkText(description, "description"),
      ]) as Fields & { name: string }
      return naming("role", parsed.name, () =>
        inTurn(database, membersTurn, async (handle) => {
          refuseIssues(`Cannot ${what}`, await checkRoleMembers(handle, tables, parsed))
          const { name, description = "", ...members } = parsed
          const [row] = await handle.insert(role).values({ name, description }).returning({ id: role.id })
          const { id } = row as { id: number }
          await writeRoleMembers(handle, tables, id, members)
          const made = await readOne(handle, id)
          await audit(handle, user, "create", "role", id, made)
          return made
        }),
      )
    },

    async update(user, id, body) {
      const what = `change the role "${id}"`
      await authorize(user, id, what)
      requireWriter(user, what)
      const changes = parseBody(what, roleBody, body, ({ name, description }) => [
        ...(name === undefined ? [] : checkName(name, "role")),
        ...checkText(description, "description"),
      ]) as Fields
      return naming("role", changes.name, () =>
        inTurn(database, membersTurn, async (handle) => {
          const { users, groups, admin_users, admin_groups, ...columns } = changes
          await readOne(handle, id)
          refuseIssues(`Cannot ${what}`, await checkRoleMembers(handle, tables, changes))
          if (Object.keys(columns).length > 0) await handle.update(role).set(columns).where(eq(role.id, id))
          await writeRoleMembers(handle, tables, id, { users, groups, admin_users, admin_groups })
          await audit(handle, user, "update", "role", id, changes)
          return readOne(handle, id)
        }),
      )
    },

    async delete(user, id) {
      const what = `delete the role "${id}"`
      requireAdminWriter(user, what)
      await inTurn(database, membersTurn, async (handle) => {
        const { name } = await readOne(handle, id)
        await refuseReferred(handle, tables, "role", id, what)
        await handle.delete(role).where(eq(role.id, id))
        await audit(handle, user, "delete", "role", id, { name })
      })
    },
  }
}
