import type { Time } from "@pagoda/sdk"
import * as p from "drizzle-orm/pg-core"

const jsonColumn = p.customType<{ data: unknown; driverData: unknown }>({
  // Not `jsonb`, which refuses "\u0000" and lone surrogates: both dialects keep what `JSON.stringify` gives.
  dataType: () => "json",
  toDriver: (value) => JSON.stringify(value),
})

const scalarColumn = p.customType<{ data: number | string; driverData: string }>({
  dataType: () => "text",
  toDriver: (value) => JSON.stringify(value),
  fromDriver: (value) => JSON.parse(value),
})

/** In the order of code points, as SQLite has it, whatever the language of the database is. */
const orderedColumn = p.customType<{ data: string; driverData: string }>({ dataType: () => 'text collate "C"' })

const timeColumn = p.customType<{ data: Time; driverData: string }>({
  dataType: () => "timestamp(3) with time zone",
  fromDriver: (value) => new Date(value).toISOString(),
})

/** The kinds of column that the schema is made of, for Postgres; `sqlite-kit.ts` has the same ones for SQLite. */
export const postgresKit = {
  table: p.pgTable,
  serial: () => p.bigint({ mode: "number" }).primaryKey().generatedByDefaultAsIdentity(),
  text: (name = "") => p.text(name),
  /** Text that is compared and ordered. */
  ordered: (name = "") => orderedColumn(name),
  int: (name = "") => p.integer(name),
  real: (name = "") => p.doublePrecision(name),
  /** The `serial` of another table. */
  ref: (name = "") => p.bigint(name, { mode: "number" }),
  bool: (name = "") => p.boolean(name),
  /** A point in time as it is told outside: ISO 8601 in UTC. */
  time: (name = "") => timeColumn(name),
  /** A point in time as better-auth wants it. */
  date: (name = "") => p.timestamp(name, { withTimezone: true, mode: "date", precision: 3 }),
  json: <T>(name = "") => jsonColumn(name).$type<T>(),
  /** A number or a string that can be compared and comes back as what it was. */
  scalar: (name = "") => scalarColumn(name),
  index: p.index,
  uniqueIndex: p.uniqueIndex,
  primaryKey: p.primaryKey,
}

export type Kit = typeof postgresKit
