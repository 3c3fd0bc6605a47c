import type { AttributeType, EntryChange, Json, Level } from "@pagoda/sdk"
import { sql } from "drizzle-orm"
import type { Kit } from "./kit.ts"

/** What users define, and the records of it. */
export function defineEntityTables(kit: Kit) {
  const access = () => ({
    is_public: kit.bool().notNull().default(true),
    default_permission: kit.text().$type<Level>().notNull().default("nothing"),
  })
  const written = () => ({
    is_active: kit.bool().notNull().default(true),
    version: kit.int().notNull().default(1),
    created_by: kit.text().notNull(),
    created_at: kit.time().notNull(),
    updated_by: kit.text().notNull(),
    updated_at: kit.time().notNull(),
  })

  const entity = kit.table(
    "entity",
    {
      id: kit.serial(),
      name: kit.text().notNull(),
      note: kit.text().notNull().default(""),
      item_name_pattern: kit.text().notNull().default(""),
      ...access(),
      ...written(),
    },
    (table) => [kit.uniqueIndex("entity_name").on(table.name).where(sql`is_active`)],
  )

  const attribute = kit.table(
    "attribute",
    {
      id: kit.serial(),
      entity_id: kit
        .ref()
        .notNull()
        .references(() => entity.id),
      name: kit.text().notNull(),
      type: kit.text().$type<AttributeType>().notNull(),
      is_mandatory: kit.bool().notNull().default(false),
      referral: kit.json<number[]>().notNull(),
      choices: kit.json<string[]>().notNull(),
      default_value: kit.json<Json>(),
      index: kit.int().notNull(),
      /** One that was removed stays, for the history of what it held. */
      is_active: kit.bool().notNull().default(true),
      ...access(),
    },
    (table) => [
      kit.uniqueIndex("attribute_name").on(table.entity_id, table.name).where(sql`is_active`),
      kit.index("attribute_entity_id").on(table.entity_id),
    ],
  )

  const entry = kit.table(
    "entry",
    {
      id: kit.serial(),
      entity_id: kit
        .ref()
        .notNull()
        .references(() => entity.id),
      name: kit.ordered().notNull(),
      /** Attribute id → value, as it is answered: what is read costs one row. */
      attrs: kit.json<Record<string, Json>>().notNull(),
      /** The name and the texts of the values, as `core/search-text.ts` makes it; an index of three-letter pieces is over it. */
      search: kit.text().notNull().default(""),
      ...access(),
      ...written(),
    },
    (table) => [
      kit.uniqueIndex("entry_name").on(table.entity_id, table.name).where(sql`is_active`),
      kit.index("entry_list").on(table.entity_id, table.is_active, table.id),
      kit.index("entry_updated_at").on(table.entity_id, table.updated_at),
      /** The few that lists leave out. */
      kit.index("entry_closed").on(table.entity_id).where(sql`not is_public`),
    ],
  )

  /** The values again, one row each, to filter, order, search and follow references by; `entry.attrs` is what is answered. */
  const entry_value = kit.table(
    "entry_value",
    {
      entry_id: kit
        .ref()
        .notNull()
        .references(() => entry.id, { onDelete: "cascade" }),
      attribute_id: kit.ref().notNull(),
      /** The place in an array; 0 for what is none. */
      position: kit.int().notNull(),
      /** What is compared as text: as much of it as Postgres takes into an index. */
      text: kit.ordered(),
      /** All of a longer one. */
      whole: kit.ordered(),
      /** What is found as text, in lower case; left out where that is the same. */
      folded: kit.text(),
      /** Numbers, booleans as 0 and 1, dates and times as milliseconds since 1970. */
      number: kit.real(),
      /** The entry, group or role that the value refers to. */
      ref_id: kit.ref(),
    },
    (table) => [
      kit.primaryKey({ columns: [table.entry_id, table.attribute_id, table.position] }),
      kit.index("entry_value_text").on(table.attribute_id, table.text, table.entry_id).where(sql`text is not null`),
      kit
        .index("entry_value_number")
        .on(table.attribute_id, table.number, table.entry_id)
        .where(sql`number is not null`),
      kit.index("entry_value_ref").on(table.ref_id, table.attribute_id).where(sql`ref_id is not null`),
    ],
  )

  const entry_history = kit.table(
    "entry_history",
    {
      id: kit.serial(),
      entry_id: kit
        .ref()
        .notNull()
        .references(() => entry.id, { onDelete: "cascade" }),
      version: kit.int().notNull(),
      action: kit.text().$type<"create" | "update" | "delete" | "restore">().notNull(),
      changes: kit.json<EntryChange[]>().notNull(),
      user_id: kit.text().notNull(),
      username: kit.text().notNull(),
      created_at: kit.time().notNull(),
    },
    (table) => [kit.index("entry_history_entry_id").on(table.entry_id, table.version)],
  )

  /** The operator binds an entity's operation to a plugin that overrides it. */
  const entity_override = kit.table(
    "entity_override",
    {
      entity_id: kit
        .ref()
        .notNull()
        .references(() => entity.id, { onDelete: "cascade" }),
      operation: kit.text().$type<"create" | "retrieve" | "update" | "delete" | "list">().notNull(),
      plugin: kit.text().notNull(),
      params: kit.json<Json>().notNull(),
    },
    (table) => [kit.primaryKey({ columns: [table.entity_id, table.operation] })],
  )

  /** Written with the change it tells of, taken out when the hook was delivered. */
  const hook_delivery = kit.table(
    "hook_delivery",
    {
      id: kit.serial(),
      plugin: kit.text().notNull(),
      hook: kit.text().notNull(),
      /** Which of the plugin's hooks of that name, in the order of its definition. */
      position: kit.int().notNull(),
      user_id: kit.text().notNull(),
      payload: kit.json<Json>().notNull(),
      attempts: kit.int().notNull().default(0),
      run_after: kit.time().notNull(),
      created_at: kit.time().notNull(),
    },
    (table) => [
      kit.index("hook_delivery_run_after").on(table.run_after),
      kit.index("hook_delivery_plugin").on(table.plugin),
    ],
  )

  return { entity, attribute, entry, entry_value, entry_history, entity_override, hook_delivery }
}
