import type { Json, Time, User } from "@pagoda/sdk"
import { and, eq, gte, inArray, lte, not, notInArray, type SQL, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { type Issue, PagodaError } from "../../errors.ts"
import type { Viewer } from "../access/viewer.ts"
import { type Access, requireLevel } from "../access.ts"
import type { Schemas } from "../entities/schemas.ts"
import { findHidden, type Hidden } from "../entries/view.ts"
import { show } from "../fields.ts"
import { toSearchCondition } from "../search/conditions.ts"
import type { SearchTerm } from "../search/pieces.ts"
import { toCondition, toValueCondition, type ValueCondition } from "./filter-conditions.ts"
import { operandTypes, parseBoolean } from "./filter-operands.ts"
import type { Scope } from "./filter-targets.ts"
import { type Filter, parseFilter } from "./filters.ts"

/** What a list shows and a count counts: only what the user may read, and active ones unless `is_active` says otherwise. */
export type EntryFilter = {
  /** By id or by name; filters by attribute need it. */
  readonly entity?: number | string | undefined
  /** A part of the name or of a value, in any letter case. */
  readonly search?: string | undefined
  readonly filter?: Filter | undefined
  readonly is_active?: boolean | "all" | undefined
  /** Both ends are included, of a day all of it. */
  readonly created_from?: Time | undefined
  readonly created_to?: Time | undefined
}

/** Who looks, and at what. */
export type EntryScope = Scope & { readonly viewer: Viewer; readonly hidden: Hidden }

export type EntryFilterParts = {
  readonly database: Database
  readonly access: Access
  readonly schemas: Schemas
  readonly toTerm: (text: string) => Promise<SearchTerm>
}

/** @throws NOT_FOUND for an entity that is not there or may not be read */
export async function openScope(
  { access, schemas }: EntryFilterParts,
  user: User,
  wanted: EntryFilter["entity"],
): Promise<EntryScope> {
  const viewer = await access.viewer(user)
  if (wanted === undefined) return { viewer, schema: undefined, hidden: new Set() }
  const schema = await schemas.find(wanted)
  const what = `entity ${show(wanted)}`
  if (!schema) throw new PagodaError("NOT_FOUND", `There is no ${what}`)
  const levels = await access.ownLevel(viewer, "entity", [schema.entity])
  requireLevel(levels.get(schema.entity.id) ?? "nothing", "readable", what)
  return { viewer, schema, hidden: await findHidden(access, viewer, [schema]) }
}

/** What to look for among the entries. */
export type EntryWhere = {
  /** Of a query on `entry`. */
  readonly where: SQL | undefined
  /** The same for a query on `entry_value`, where its indexes alone can tell. */
  readonly values: { readonly conditions: readonly ValueCondition[]; readonly isShown: SQL } | undefined
}

/** What is wrong with the filter goes to `issues`. */
export async function toWhere(
  parts: EntryFilterParts,
  scope: EntryScope,
  wanted: EntryFilter,
  issues: Issue[],
): Promise<EntryWhere> {
  const { database, access } = parts
  const { entity, entry } = database.tables
  const { viewer, schema } = scope
  const filters = parseFilter(wanted.filter, scope, issues)
  const isActive = parseActive(wanted.is_active, issues)
  const others = [
    await toSearch(parts, scope, wanted.search, issues),
    toBound(database, wanted.created_from, "created_from", issues),
    toBound(database, wanted.created_to, "created_to", issues),
  ].filter((condition) => condition !== undefined)
  const isReadable = access.condition(viewer, "readable", "entry", entry)

  const conditions = [...filters.map((filter) => toCondition(database, filter)), ...others]
  const isNarrow = conditions.length > 0
  if (schema) {
    conditions.push(eq(beside(database, entry.entity_id, isNarrow), schema.entity.id))
  } else {
    const readable = access.condition(viewer, "readable", "entity", entity)
    const ids = database.db.select({ id: entity.id }).from(entity).where(readable)
    if (readable) conditions.push(inArray(entry.entity_id, ids))
  }
  if (isActive !== "all") conditions.push(eq(beside(database, entry.is_active, isNarrow), isActive))
  const where = and(...conditions, isReadable)

  const attributes = filters.filter(({ target }) => "attribute" in target)
  const isByValues = schema && isActive === true && others.length === 0 && attributes.length === filters.length
  if (!isByValues) return { where, values: undefined }
  const values = attributes.map((filter) => toValueCondition(database, filter))
  if (values.some(({ isIndexed }) => !isIndexed)) return { where, values: undefined }
  return { where, values: { conditions: values, isShown: isShown(database, schema.entity.id, isReadable) } }
}

/** Few entries of an entity are deleted or closed: leaving them out costs less than looking at each one. */
function isShown({ db, tables }: Database, entityId: number, isReadable: SQL | undefined): SQL {
  const { entry, entry_value: value } = tables
  const own = eq(entry.entity_id, entityId)
  const among = (where: SQL | undefined) => db.select({ id: entry.id }).from(entry).where(where)
  return and(
    notInArray(value.entry_id, among(and(own, sql`${entry.is_active} = false`))),
    isReadable && notInArray(value.entry_id, among(and(own, sql`not ${entry.is_public}`, not(isReadable)))),
  ) as SQL
}

/** SQLite counts nothing before it plans, and takes the index over an entity's entries where it should begin with those found. */
function beside<Column>({ dialect }: Database, column: Column, isNarrow: boolean): Column {
  return dialect === "sqlite" && isNarrow ? (sql`+${column}` as Column) : column
}

function toBound(
  { tables: { entry } }: Database,
  time: unknown,
  path: "created_from" | "created_to",
  issues: Issue[],
): SQL | undefined {
  const bound = parseTime(time, path, issues)
  if (bound === undefined) return undefined
  return path === "created_from" ? gte(entry.created_at, bound) : lte(entry.created_at, bound)
}

async function toSearch(
  { database, access, toTerm }: EntryFilterParts,
  { viewer, schema, hidden }: EntryScope,
  text: unknown,
  issues: Issue[],
): Promise<SQL | undefined> {
  if (text === undefined || text === "") return undefined
  if (typeof text !== "string" || text.length > searchLimit) {
    const message = `the text is ${show(text)}, wanted at most ${searchLimit} characters`
    issues.push({ path: "search", message, code: "SEARCH_INVALID" })
    return undefined
  }
  const { db, tables } = database
  const { attribute, entry_value: value } = tables
  const term = await toTerm(text)
  const find = (readable: SQL | undefined) => toSearchCondition(database, term, readable)
  if (schema) {
    if (hidden.size > 0) return find(notInArray(value.attribute_id, [...hidden]))
    return find(schema.byId.size > schema.byName.size ? sql`1 = 1` : undefined)
  }
  // the documents still have the values of attributes that were removed, `entry_value` has not
  const readable = and(eq(attribute.is_active, true), access.condition(viewer, "readable", "attribute", attribute))
  const [other] = await db.select({ id: attribute.id }).from(attribute).where(sql`not (${readable})`).limit(1)
  if (!other) return find(undefined)
  return find(inArray(value.attribute_id, db.select({ id: attribute.id }).from(attribute).where(readable)))
}

const searchLimit = 1000

function parseActive(value: unknown, issues: Issue[]): boolean | "all" {
  if (value === undefined) return true
  const parsed = value === "all" ? value : parseBoolean(value as Json)
  if (parsed !== undefined) return parsed
  issues.push({
    path: "is_active",
    message: `the value is ${show(value)}, wanted "true", "false" or "all"`,
    code: "ENUM",
  })
  return true
}

const day = 86_400_000

function parseTime(value: unknown, path: "created_from" | "created_to", issues: Issue[]): Time | undefined {
  if (value === undefined) return undefined
  const { parse, wanted } = operandTypes.datetime
  const time = parse(value as Json)
  if (typeof time !== "number") {
    issues.push({ path, message: `the value is ${show(value)}, wanted ${wanted}`, code: "DATETIME" })
    return undefined
  }
  const isWholeDay = path === "created_to" && String(value).length === "2026-01-31".length
  return new Date(isWholeDay ? time + day - 1 : time).toISOString()
}
