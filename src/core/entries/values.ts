import type { EntryChange, Json } from "@pagoda/sdk"
import { and, eq, inArray, type Placeholder, type SQL, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import type { AttributeRow, EntitySchema } from "../entities/schemas.ts"
import { kinds } from "../kinds.ts"
import { toSearchDocument, toTextColumns } from "../search/text.ts"
import { valueIn } from "./view.ts"

/** Attribute id → value, as a row of `entry` has it. */
export type StoredAttrs = { readonly [attributeId: string]: Json }

export type ValueRow = Omit<Tables["entry_value"]["$inferInsert"], "entry_id">

export function toStored({ byName }: EntitySchema, attrs: { readonly [name: string]: Json }): StoredAttrs {
  const found = Object.entries(attrs).map(([name, value]) => [byName.get(name)?.id, value] as const)
  return Object.fromEntries(found.filter(([id]) => id !== undefined))
}

/** The rows that attributes are filtered, ordered and followed by. */
export function toValueRows(attrs: StoredAttrs, attributes: Iterable<AttributeRow>): ValueRow[] {
  const rows: ValueRow[] = []
  for (const attribute of attributes) {
    let position = 0
    for (const index of toIndex(attrs, attribute)) {
      rows.push({
        attribute_id: attribute.id,
        position: position++,
        ...index,
        ...toTextColumns(index),
      })
    }
  }
  return rows
}

/** What `entry.search` has of an entry. */
export function toSearch(name: string, attrs: StoredAttrs, { attributes }: EntitySchema): string {
  const texts = attributes.flatMap((attribute) => toIndex(attrs, attribute).map(({ text }) => text))
  return toSearchDocument(name, texts)
}

function toIndex(attrs: StoredAttrs, attribute: AttributeRow) {
  const value = attrs[attribute.id] ?? null
  return value === null ? [] : kinds[attribute.type].toIndex(value)
}

export async function insertValues(
  handle: Transaction,
  { tables, dialect }: Database,
  entryId: number,
  rows: readonly ValueRow[],
): Promise<void> {
  if (rows.length === 0) return
  await handle.insert(tables.entry_value).select(selectValues[dialect](sql`${entryId}`, toJson(rows)))
}

type SelectValues = (entryId: SQL, rows: string | Placeholder, from?: SQL) => SQL

/** One parameter, however many rows: neither database takes more than some ten thousand, and each costs time. */
export const selectValues: { [Dialect in Database["dialect"]]: SelectValues } = {
  sqlite: (entryId, rows) => sql`select ${entryId}, ${sqliteColumns} from json_each(${rows})`,
  postgres: (entryId, rows, from = sql``) =>
    sql`select ${entryId}::bigint, ${postgresColumns} from ${from} json_array_elements(${rows}::json)`,
}

/** In the order of the table. */
const types = {
  attribute_id: "bigint",
  position: "int",
  text: "text",
  whole: "text",
  folded: "text",
  number: "double precision",
  ref_id: "bigint",
} as const satisfies { [Column in keyof ValueRow]-?: string }
const columns = Object.entries(types)
export const valueColumns = sql.raw(Object.keys(types).join(", "))
const sqliteColumns = sql.raw(columns.map((_, at) => `value ->> ${at}`).join(", "))
const postgresColumns = sql.raw(columns.map(([, type], at) => `(value ->> ${at})::${type}`).join(", "))

/** What `selectValues` reads. */
export function toJson(rows: readonly ValueRow[]): string {
  const names = Object.keys(types) as (keyof typeof types)[]
  return JSON.stringify(rows.map((row) => names.map((name) => row[name] ?? null)))
}

export async function replaceValues(
  handle: Transaction,
  database: Database,
  entryId: number,
  attrs: StoredAttrs,
  changed: readonly AttributeRow[],
): Promise<void> {
  if (changed.length === 0) return
  const { entry_value } = database.tables
  const ids = changed.map(({ id }) => id)
  await handle.delete(entry_value).where(and(eq(entry_value.entry_id, entryId), inArray(entry_value.attribute_id, ids)))
  await insertValues(handle, database, entryId, toValueRows(attrs, changed))
}

/** What differs, the name first, then the attributes in their order. `old` is missing where there was no entry. */
export function toChanges(
  { attributes }: EntitySchema,
  old: { name: string; attrs: StoredAttrs } | undefined,
  next: { name: string; attrs: StoredAttrs },
): EntryChange[] {
  const changes: EntryChange[] = []
  if (old?.name !== next.name)
    changes.push({ attribute_id: null, name: "name", old: old?.name ?? null, new: next.name })
  for (const attribute of attributes) {
    const before = valueIn(old?.attrs ?? {}, attribute)
    const after = valueIn(next.attrs, attribute)
    if (JSON.stringify(before) === JSON.stringify(after)) continue
    changes.push({ attribute_id: attribute.id, name: attribute.name, old: before, new: after })
  }
  return changes
}
