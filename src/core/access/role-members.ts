import { Type as t } from "@sinclair/typebox"
import { and, asc, eq, inArray } from "drizzle-orm"
import type { Transaction } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import type { Issue } from "../../errors.ts"
import { inParts, knownGroups, knownUsers, memberIds, memberList, toUnknown } from "./members.ts"

/** Who has a role, and who may edit it. */
export type RoleMembers = { users: string[]; groups: number[]; admin_users: string[]; admin_groups: number[] }

export const roleMemberFields = {
  users: t.Optional(memberList(memberIds.user)),
  groups: t.Optional(memberList(memberIds.group)),
  admin_users: t.Optional(memberList(memberIds.user)),
  admin_groups: t.Optional(memberList(memberIds.group)),
}

type Kind = { member_type: "user" | "group"; is_admin: boolean }

const kinds: { [Field in keyof RoleMembers]: Kind } = {
  users: { member_type: "user", is_admin: false },
  groups: { member_type: "group", is_admin: false },
  admin_users: { member_type: "user", is_admin: true },
  admin_groups: { member_type: "group", is_admin: true },
}
const names = Object.keys(kinds) as (keyof RoleMembers)[]

export async function readRoleMembers(
  handle: Pick<Transaction, "select">,
  { role_member: member }: Tables,
  roleIds: readonly number[],
): Promise<Map<number, RoleMembers>> {
  const found = new Map(
    roleIds.map((id) => [id, { users: [], groups: [], admin_users: [], admin_groups: [] } as RoleMembers]),
  )
  if (roleIds.length === 0) return found
  const rows = await handle
    .select()
    .from(member)
    .where(inArray(member.role_id, [...roleIds]))
    .orderBy(asc(member.member_id))
  for (const { role_id, member_type, member_id, is_admin } of rows) {
    const members = found.get(role_id)
    if (member_type === "user") members?.[is_admin ? "admin_users" : "users"].push(member_id)
    else members?.[is_admin ? "admin_groups" : "groups"].push(Number(member_id))
  }
  return found
}

export async function checkRoleMembers(
  handle: Transaction,
  tables: Tables,
  { users = [], admin_users = [], groups = [], admin_groups = [] }: Partial<RoleMembers>,
): Promise<Issue[]> {
  const known = await knownUsers(handle, tables, [...users, ...admin_users])
  const knownOnes = await knownGroups(handle, tables, [...groups, ...admin_groups])
  return [
    ...toUnknown("user", "users", users, known),
    ...toUnknown("group", "groups", groups, knownOnes),
    ...toUnknown("user", "admin_users", admin_users, known),
    ...toUnknown("group", "admin_groups", admin_groups, knownOnes),
  ]
}

/** Those of the kinds that are named replace what there was. */
export async function writeRoleMembers(
  handle: Transaction,
  { role_member: member }: Tables,
  role_id: number,
  changes: Partial<RoleMembers>,
): Promise<void> {
  for (const name of names) {
    const ids = changes[name]
    if (!ids) continue
    const { member_type, is_admin } = kinds[name]
    await handle
      .delete(member)
      .where(and(eq(member.role_id, role_id), eq(member.member_type, member_type), eq(member.is_admin, is_admin)))
    for (const part of inParts<string | number>(ids)) {
      await handle.insert(member).values(part.map((id) => ({ role_id, member_type, is_admin, member_id: String(id) })))
    }
  }
}
