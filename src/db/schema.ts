import type { Json, Time } from "@pagoda/sdk"
import { onDemand } from "../on-demand.ts"
import type { Kit } from "./kit.ts"
import { defineAccessTables } from "./schema-access.ts"
import { defineEntityTables } from "./schema-entities.ts"
import { defineJobTables } from "./schema-jobs.ts"
import { defineRepairTables } from "./schema-repairs.ts"

/** Every table of the core, once. Whoever changes one runs `bun scripts/migrations.ts <name>`. */
export function defineTables(kit: Kit): Tables {
  return onDemand<Tables>({
    ...group(kit, defineAccountTables, { user: 1, session: 1, account: 1, verification: 1, apikey: 1 }),
    ...group(kit, definePluginTables, { installed_plugin: 1, plugin_dependency: 1, plugin_setting: 1 }),
    ...group(kit, defineRepairTables, { repair: 1, admin_event: 1 }),
    ...group(kit, defineJobTables, {
      job: 1,
      job_part: 1,
      job_log: 1,
      job_schedule: 1,
      job_worker: 1,
      job_import: 1,
      job_import_part: 1,
    }),
    ...group(kit, defineMetaTable, { meta: 1 }),
    ...group(kit, defineEntityTables, {
      entity: 1,
      attribute: 1,
      entry: 1,
      entry_value: 1,
      entry_history: 1,
      entity_override: 1,
      hook_delivery: 1,
    }),
    ...group(kit, defineAccessTables, { group: 1, group_member: 1, role: 1, role_member: 1, acl: 1, audit: 1 }),
  })
}

export type Tables = ReturnType<typeof defineAccountTables> &
  ReturnType<typeof definePluginTables> &
  ReturnType<typeof defineRepairTables> &
  ReturnType<typeof defineJobTables> &
  ReturnType<typeof defineMetaTable> &
  ReturnType<typeof defineEntityTables> &
  ReturnType<typeof defineAccessTables>

/** A group of tables is made when one of them is asked for: most starts need the fewest of them, and all take 2 ms. */
function group<Group extends object>(kit: Kit, define: (kit: Kit) => Group, names: Record<keyof Group, 1>) {
  let made: Group | undefined
  const makeOne = (name: keyof Group) => () => {
    made ??= define(kit)
    return made[name]
  }
  const makers = Object.keys(names).map((name) => [name, makeOne(name as keyof Group)])
  return Object.fromEntries(makers) as { [Name in keyof Group]: () => Group[Name] }
}

/** better-auth reads and writes these: it gives the keys their names, we give the columns theirs. */
function defineAccountTables(kit: Kit) {
  const made = { createdAt: () => kit.date("created_at").notNull(), updatedAt: () => kit.date("updated_at").notNull() }
  const user = kit.table("user", {
    id: kit.text().primaryKey(),
    name: kit.text().notNull(),
    email: kit.text().notNull().unique(),
    emailVerified: kit.bool("email_verified").notNull().default(false),
    image: kit.text(),
    username: kit.text().notNull().unique(),
    displayUsername: kit.text("display_username").notNull(),
    is_admin: kit.bool().notNull().default(false),
    is_readonly: kit.bool().notNull().default(false),
    is_active: kit.bool().notNull().default(true),
    createdAt: made.createdAt(),
    updatedAt: made.updatedAt(),
  })
  const owner = () =>
    kit
      .text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" })
  const session = kit.table(
    "session",
    {
      id: kit.text().primaryKey(),
      token: kit.text().notNull().unique(),
      userId: owner(),
      expiresAt: kit.date("expires_at").notNull(),
      ipAddress: kit.text("ip_address"),
      userAgent: kit.text("user_agent"),
      createdAt: made.createdAt(),
      updatedAt: made.updatedAt(),
    },
    (table) => [kit.index("session_user_id").on(table.userId)],
  )
  const account = kit.table(
    "account",
    {
      id: kit.text().primaryKey(),
      accountId: kit.text("account_id").notNull(),
      providerId: kit.text("provider_id").notNull(),
      userId: owner(),
      accessToken: kit.text("access_token"),
      refreshToken: kit.text("refresh_token"),
      idToken: kit.text("id_token"),
      accessTokenExpiresAt: kit.date("access_token_expires_at"),
      refreshTokenExpiresAt: kit.date("refresh_token_expires_at"),
      scope: kit.text(),
      password: kit.text(),
      createdAt: made.createdAt(),
      updatedAt: made.updatedAt(),
    },
    (table) => [kit.index("account_user_id").on(table.userId)],
  )
  const verification = kit.table(
    "verification",
    {
      id: kit.text().primaryKey(),
      identifier: kit.text().notNull(),
      value: kit.text().notNull(),
      expiresAt: kit.date("expires_at").notNull(),
      createdAt: made.createdAt(),
      updatedAt: made.updatedAt(),
    },
    (table) => [kit.index("verification_identifier").on(table.identifier)],
  )
  const apikey = kit.table(
    "apikey",
    {
      id: kit.text().primaryKey(),
      configId: kit.text("config_id").notNull(),
      name: kit.text(),
      start: kit.text(),
      prefix: kit.text(),
      /** The hash: the key itself is stored nowhere. */
      key: kit.text().notNull().unique(),
      referenceId: kit
        .text("reference_id")
        .notNull()
        .references(() => user.id, { onDelete: "cascade" }),
      refillInterval: kit.int("refill_interval"),
      refillAmount: kit.int("refill_amount"),
      lastRefillAt: kit.date("last_refill_at"),
      enabled: kit.bool(),
      rateLimitEnabled: kit.bool("rate_limit_enabled"),
      rateLimitTimeWindow: kit.int("rate_limit_time_window"),
      rateLimitMax: kit.int("rate_limit_max"),
      requestCount: kit.int("request_count"),
      remaining: kit.int(),
      lastRequest: kit.date("last_request"),
      expiresAt: kit.date("expires_at"),
      permissions: kit.text(),
      metadata: kit.text(),
      createdAt: made.createdAt(),
      updatedAt: made.updatedAt(),
    },
    (table) => [kit.index("apikey_reference_id").on(table.referenceId)],
  )
  return { user, session, account, verification, apikey }
}

function definePluginTables(kit: Kit) {
  const installed_plugin = kit.table("installed_plugin", {
    plugin_id: kit.text().primaryKey(),
    name: kit.text().notNull(),
    version: kit.text().notNull(),
    enabled: kit.bool().notNull().default(true),
    /** Why it was taken out, and which version of it. */
    quarantine: kit.json<{ version: string; integrity: string; step: string; message: string; at: Time }>(),
    /** Where an administrator set its limits otherwise than they are. */
    limits: kit.json<{ [limit: string]: number }>(),
    installed_at: kit.time().notNull().$defaultFn(now),
    updated_at: kit.time().notNull().$defaultFn(now).$onUpdateFn(now),
  })
  const owner = () =>
    kit
      .text("plugin")
      .notNull()
      .references(() => installed_plugin.plugin_id, { onDelete: "cascade" })
  const plugin_dependency = kit.table(
    "plugin_dependency",
    { plugin: owner(), dependency_id: kit.text().notNull(), version_constraint: kit.text().notNull() },
    (table) => [kit.primaryKey({ columns: [table.plugin, table.dependency_id] })],
  )
  const plugin_setting = kit.table(
    "plugin_setting",
    {
      plugin: owner(),
      key: kit.text().notNull(),
      value: kit.json<Json>(),
      encrypted: kit.bool().notNull().default(false),
    },
    (table) => [kit.primaryKey({ columns: [table.plugin, table.key] })],
  )
  return { installed_plugin, plugin_dependency, plugin_setting }
}

/** Facts about the database itself, such as the fingerprint of the key it was made with. */
function defineMetaTable(kit: Kit) {
  const meta = kit.table("meta", { key: kit.text().primaryKey(), value: kit.text().notNull() })
  return { meta }
}

function now(): Time {
  return new Date().toISOString()
}
