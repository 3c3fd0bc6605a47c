import * as s from "drizzle-orm/sqlite-core"
import type { Time } from "./data.ts"
import type { TableKit } from "./kit-postgres.ts"

const timeColumn = s.customType<{ data: Time; driverData: string }>({
  dataType: () => "text",
  toDriver: (value) => new Date(value).toISOString(),
})

const jsonColumn = s.customType<{ data: unknown; driverData: string }>({
  dataType: () => "text",
  toDriver: (value) => JSON.stringify(value),
  fromDriver: (value) => JSON.parse(value),
})

/** The same columns as `kit-postgres.ts`, for SQLite: the cast is what lets one query run on both. */
export const sqliteKit = {
  table: s.sqliteTable,
  serial: () => s.integer().primaryKey({ autoIncrement: true }),
  text: (name = "") => s.text(name),
  integer: (name = "") => s.integer(name),
  real: (name = "") => s.real(name),
  boolean: (name = "") => s.integer(name, { mode: "boolean" }),
  time: (name = "") => timeColumn(name),
  json: (name = "") => jsonColumn(name),
  index: s.index,
  uniqueIndex: s.uniqueIndex,
  primaryKey: s.primaryKey,
} as unknown as TableKit
