import type { Json, Level } from "@pagoda/sdk"
import type { Kit } from "./kit.ts"

/** Who may do what: groups of users, roles of users and groups, and what a role grants on an object. */
export function defineAccessTables(kit: Kit) {
  const group = kit.table(
    "group",
    { id: kit.serial(), name: kit.text().notNull().unique(), parent_group_id: kit.ref() },
    (table) => [kit.index("group_parent_group_id").on(table.parent_group_id)],
  )
  const group_member = kit.table(
    "group_member",
    {
      group_id: kit
        .ref()
        .notNull()
        .references(() => group.id, { onDelete: "cascade" }),
      user_id: kit.text().notNull(),
    },
    (table) => [
      kit.primaryKey({ columns: [table.group_id, table.user_id] }),
      kit.index("group_member_user_id").on(table.user_id),
    ],
  )
  const role = kit.table("role", {
    id: kit.serial(),
    name: kit.text().notNull().unique(),
    description: kit.text().notNull().default(""),
  })
  /** Who has a role, and who may edit it: a user or a group, never both. */
  const role_member = kit.table(
    "role_member",
    {
      role_id: kit
        .ref()
        .notNull()
        .references(() => role.id, { onDelete: "cascade" }),
      member_type: kit.text().$type<"user" | "group">().notNull(),
      member_id: kit.text().notNull(),
      is_admin: kit.bool().notNull(),
    },
    (table) => [
      kit.primaryKey({ columns: [table.role_id, table.member_type, table.member_id, table.is_admin] }),
      kit.index("role_member_member").on(table.member_type, table.member_id),
    ],
  )
  const acl = kit.table(
    "acl",
    {
      object_type: kit.text().$type<"entity" | "attribute" | "entry">().notNull(),
      object_id: kit.ref().notNull(),
      role_id: kit
        .ref()
        .notNull()
        .references(() => role.id, { onDelete: "cascade" }),
      level: kit.text().$type<Level>().notNull(),
    },
    (table) => [
      kit.primaryKey({ columns: [table.object_type, table.object_id, table.role_id] }),
      kit.index("acl_role_id").on(table.role_id),
    ],
  )
  /** Who changed what that others depend on. */
  const audit = kit.table(
    "audit",
    {
      id: kit.serial(),
      user_id: kit.text().notNull(),
      username: kit.text().notNull(),
      action: kit.text().notNull(),
      object_type: kit.text().notNull(),
      object_id: kit.text().notNull(),
      changes: kit.json<Json>().notNull(),
      created_at: kit.time().notNull(),
    },
    (table) => [kit.index("audit_object").on(table.object_type, table.object_id)],
  )
  return { group, group_member, role, role_member, acl, audit }
}
