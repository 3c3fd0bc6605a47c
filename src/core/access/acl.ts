import type { Level, User } from "@pagoda/sdk"
import { Type as t } from "@sinclair/typebox"
import { and, asc, eq, inArray } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import type { Issue } from "../../errors.ts"
import { type Access, type ObjectType, requireLevel } from "../access.ts"
import type { Audit } from "../audit.ts"
import { parseBody } from "../body.ts"
import { refuseIssues } from "../refuse.ts"
import { membersTurn, takeTurn } from "../turn.ts"
import { type AclObject, createAclObjects, levelOn } from "./acl-objects.ts"
import { levels } from "./levels.ts"
import { inParts } from "./members.ts"

/** Who may do what with an entity, attribute or entry, by its own rule alone. */
export type Acl = { is_public: boolean; default_permission: Level; roles: { role_id: number; level: Level }[] }

/** Admins see and set any; anyone else needs `full` on the object and its ancestors for either. */
export type Acls = {
  /** @throws NOT_FOUND, FORBIDDEN */
  get(user: User, type: ObjectType, id: number): Promise<Acl>
  /** Replaces it. @throws NOT_FOUND, FORBIDDEN, VALIDATION_FAILED */
  set(user: User, type: ObjectType, id: number, body: unknown): Promise<Acl>
}

const level = t.Union(levels.map((name) => t.Literal(name)))
const roleId = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const strict = { additionalProperties: false }
const aclBody = t.Object(
  {
    is_public: t.Boolean(),
    default_permission: level,
    roles: t.Array(t.Object({ role_id: roleId, level }, strict), { maxItems: 10_000 }),
  },
  strict,
)

type Reader = Pick<Transaction, "select">

export function createAcls(database: Database, access: Access, audit: Audit): Acls {
  const { db, tables, transaction } = database
  const { acl, role } = tables
  const objects = createAclObjects(database)

  async function read(handle: Reader, { type, row }: AclObject): Promise<Acl> {
    const roles = await handle
      .select({ role_id: acl.role_id, level: acl.level })
      .from(acl)
      .where(and(eq(acl.object_type, type), eq(acl.object_id, row.id)))
      .orderBy(asc(acl.role_id))
    const { is_public, default_permission } = row
    return { is_public, default_permission, roles }
  }

  async function checkRoles(handle: Reader, roles: Acl["roles"]): Promise<Issue[]> {
    const ids = roles.map(({ role_id }) => role_id)
    const rows = ids.length > 0 ? await handle.select({ id: role.id }).from(role).where(inArray(role.id, ids)) : []
    const known = new Set(rows.map(({ id }) => id))
    return ids.flatMap((id, index) => {
      const path = `roles.${index}.role_id`
      if (!known.has(id)) return [{ path, code: "ROLE_UNKNOWN", message: `there is no role "${id}"` }]
      if (ids.indexOf(id) === index) return []
      return [{ path, code: "ROLE_DUPLICATE", message: `role "${id}" is there already` }]
    })
  }

  return {
    async get(user, type, id) {
      const object = await objects.read(db, type, id)
      if (!user.is_admin) requireLevel(await levelOn(access, user, object), "full", object.title)
      return read(db, object)
    },

    async set(user, type, id, body) {
      const found = await objects.read(db, type, id)
      requireLevel(await levelOn(access, user, found), "full", found.title)
      const what = `set who may use the ${found.title}`
      const wanted = parseBody(what, aclBody, body) as Acl
      return transaction(async (handle) => {
        // a role that is named stays until it is written down
        await takeTurn(handle, tables, membersTurn)
        // the row is locked before anything is read, so that of two changes at once the later one stays whole
        await objects.write(handle, user, found, wanted)
        refuseIssues(`Cannot ${what}`, [
          ...(await checkRoles(handle, wanted.roles)),
          ...(user.is_admin || isKept(wanted) ? [] : [abandoned]),
        ])
        const before = await read(handle, found)
        await handle.delete(acl).where(and(eq(acl.object_type, type), eq(acl.object_id, id)))
        for (const part of inParts(wanted.roles)) {
          await handle.insert(acl).values(part.map((row) => ({ object_type: type, object_id: id, ...row })))
        }
        const { is_public, default_permission, roles } = wanted
        const after = { is_public, default_permission, roles: roles.toSorted((a, b) => a.role_id - b.role_id) }
        await audit(handle, user, "acl", type, id, { before, after })
        return after
      })
    },
  }
}

/** Whether there is still somebody, besides the admins, who may set it. */
function isKept({ is_public, default_permission, roles }: Acl): boolean {
  return is_public || default_permission === "full" || roles.some(({ level }) => level === "full")
}

const abandoned: Issue = {
  path: "roles",
  code: "ACL_WITHOUT_FULL",
  message: `no role, default or public grants "full" any more: only an admin may leave it so`,
}
