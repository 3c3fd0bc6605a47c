import { and, eq, inArray, or, type SQL, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"

/** The roles that a user has, or those that he may edit: his own, and those of his groups and of their parents. */
export function createRoleIds(database: Database) {
  const { db, tables } = database
  const { role_member: member } = tables
  const user = sql.placeholder("user")
  const own = and(eq(member.member_type, "user"), eq(member.member_id, user))
  const through = and(eq(member.member_type, "group"), inArray(member.member_id, groupsOf(database)))
  const query = db
    .selectDistinct({ id: member.role_id })
    .from(member)
    .where(and(eq(member.is_admin, sql.placeholder("is_admin")), or(own, through)))
    .prepare("role_ids")
  return async (userId: string, as: "member" | "admin" = "member"): Promise<number[]> => {
    const rows = await query.execute({ user: userId, is_admin: as === "admin" })
    return rows.map(({ id }) => id)
  }
}

/** The groups that the user of the placeholder is in, and their parents up to the root: ids as text. */
function groupsOf({ tables: { group, group_member } }: Database): SQL {
  return sql`(with recursive reached(id) as (
    select ${group_member.group_id} from ${group_member} where ${group_member.user_id} = ${sql.placeholder("user")}
    union
    select ${group.parent_group_id} from ${group} inner join reached on ${group.id} = reached.id
    where ${group.parent_group_id} is not null
  ) select cast(id as text) from reached)`
}
