import type { Level, User } from "@pagoda/sdk"
import { and, type Column, eq, exists, inArray, or, type SQL, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import { PagodaError } from "../errors.ts"
import { grants, highest, levelsGranting, lowest } from "./access/levels.ts"
import { createRoleIds } from "./access/role-ids.ts"
import type { Viewer } from "./access/viewer.ts"

export type ObjectType = "entity" | "attribute" | "entry"

/** The rule that an object carries itself; what roles grant on it is in the table `acl`. */
export type OwnRule = { readonly id: number; readonly is_public: boolean; readonly default_permission: Level }
export type OwnRuleColumns = { readonly [Field in keyof OwnRule]: Column }

/**
 * What one may do with an object by its OWN rule. Its ancestors (attribute → entity, entry → entity) have to grant the
 * level too: who asks takes the lowest, or ands the conditions.
 */
export type Access = {
  /** One statement, or none for whom every rule is passed. */
  viewer(user: User): Promise<Viewer>
  /** One statement at most, and none where the rows' own columns say it all. Every row is in the answer. */
  ownLevel(viewer: Viewer, type: ObjectType, rows: readonly OwnRule[]): Promise<Map<number, Level>>
  /** For the WHERE of a list; `undefined`: everything. */
  condition(viewer: Viewer, level: Level, type: ObjectType, columns: OwnRuleColumns): SQL | undefined
}

/** Acts where no user does. */
export const systemUser: User = Object.freeze({
  id: "system",
  username: "system",
  email: null,
  is_admin: true,
  is_readonly: false,
  is_active: true,
})

export function createAccess(database: Database): Access {
  const { db, tables } = database
  const { acl } = tables
  const roleIds = createRoleIds(database)

  return {
    async viewer(user) {
      if (user.is_admin) return { user, isAll: true, roleIds: [] }
      return { user, isAll: false, roleIds: await roleIds(user.id) }
    },

    async ownLevel(viewer, type, rows) {
      const levels = new Map(rows.map((row) => [row.id, fromColumns(viewer, row)]))
      const open = [...levels].filter(([, level]) => level !== "full").map(([id]) => id)
      if (!viewer.isAll && open.length > 0 && viewer.roleIds.length > 0) {
        const granted = await db
          .select({ id: acl.object_id, level: acl.level })
          .from(acl)
          .where(
            and(eq(acl.object_type, type), inArray(acl.object_id, open), inArray(acl.role_id, [...viewer.roleIds])),
          )
        for (const { id, level } of granted) levels.set(id, highest(levels.get(id) ?? "nothing", level))
      }
      if (viewer.user.is_readonly) for (const [id, level] of levels) levels.set(id, lowest(level, "readable"))
      return levels
    },

    condition(viewer, level, type, { id, is_public, default_permission }) {
      if (level === "nothing") return undefined
      if (viewer.user.is_readonly && !grants("readable", level)) return sql`1 = 0`
      if (viewer.isAll) return undefined
      const wanted = levelsGranting(level)
      const own = [eq(is_public, true), inArray(default_permission, wanted)]
      if (viewer.roleIds.length === 0) return or(...own)
      const granted = db
        .select({ one: sql`1` })
        .from(acl)
        .where(
          and(
            eq(acl.object_type, type),
            eq(acl.object_id, id),
            inArray(acl.role_id, [...viewer.roleIds]),
            inArray(acl.level, wanted),
          ),
        )
      return or(...own, exists(granted))
    },
  }
}

function fromColumns({ isAll }: Viewer, { is_public, default_permission }: OwnRule): Level {
  return isAll || is_public ? "full" : default_permission
}

/** @param what such as `entry "web01"`, for a message: 404 for what one may not read, 403 for what one may not change */
export function requireLevel(actual: Level, wanted: Level, what: string): void {
  if (grants(actual, wanted)) return
  if (!grants(actual, "readable")) throw new PagodaError("NOT_FOUND", `There is no ${what}`)
  throw new PagodaError("FORBIDDEN", `Cannot change the ${what}: your level on it is "${actual}", wanted "${wanted}"`)
}
