import type { Time } from "@pagoda/sdk"
import * as s from "drizzle-orm/sqlite-core"
import type { Kit } from "./kit.ts"

const jsonColumn = s.customType<{ data: unknown; driverData: string }>({
  dataType: () => "text",
  toDriver: (value) => JSON.stringify(value),
  fromDriver: (value) => JSON.parse(value),
})

const timeColumn = s.customType<{ data: Time; driverData: number }>({
  dataType: () => "integer",
  toDriver: (value) => Date.parse(value),
  fromDriver: (value) => new Date(value).toISOString(),
})

/** The same columns as `kit.ts`, for SQLite: the cast is what lets one query run on both. */
export const sqliteKit = {
  table: s.sqliteTable,
  serial: () => s.integer().primaryKey({ autoIncrement: true }),
  text: (name = "") => s.text(name),
  ordered: (name = "") => s.text(name),
  int: (name = "") => s.integer(name),
  real: (name = "") => s.real(name),
  ref: (name = "") => s.integer(name),
  bool: (name = "") => s.integer(name, { mode: "boolean" }),
  time: (name = "") => timeColumn(name),
  date: (name = "") => s.integer(name, { mode: "timestamp_ms" }),
  json: (name = "") => jsonColumn(name),
  scalar: (name = "") => jsonColumn(name),
  index: s.index,
  uniqueIndex: s.uniqueIndex,
  primaryKey: s.primaryKey,
} as unknown as Kit
