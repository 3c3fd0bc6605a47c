import type { Entry, User } from "@pagoda/sdk"
import { and, asc, count, eq, type SQL, sql } from "drizzle-orm"
import type { Database } from "../db/database.ts"
import type { Issue } from "../errors.ts"
import { entryColumns } from "./entries/reader.ts"
import { findHidden, toEntry } from "./entries/view.ts"
import type { PageRequest, Slice } from "./entries.ts"
import { show } from "./fields.ts"
import {
  type EntryFilter,
  type EntryFilterParts,
  type EntryScope,
  type EntryWhere,
  openScope,
  toWhere,
} from "./lists/entry-filter.ts"
import { countEntries, createOrderedPages, findOrdered } from "./lists/entry-pages.ts"
import { type Ordering, type OrderingSql, parseOrdering, toOrderingSql } from "./lists/ordering.ts"
import { refuseIssues } from "./refuse.ts"
import { hasTextInName } from "./search/conditions.ts"
import { createSearchTerms } from "./search/pieces.ts"
import { fold } from "./search/text.ts"

export type { EntryFilter } from "./lists/entry-filter.ts"

/** `ordering`: `name`, `id`, `created_at`, `updated_at` or an attribute, with `-` from the greatest down; more after commas. */
export type EntryQuery = EntryFilter & Partial<PageRequest> & { readonly ordering?: string | undefined }

export type EntityCount = { entity: { id: number; name: string }; count: number; active: number }

export type EntryLists = {
  /** @throws NOT_FOUND for the entity; VALIDATION_FAILED with the paths of what does not fit, such as `filter.cpu.gte` */
  list(user: User, query: EntryQuery): Promise<Slice<Entry>>
  count(user: User, filter: EntryFilter): Promise<number>
  /** One row an entity that has any, by name; both states are counted unless `is_active` picks one. */
  aggregate(user: User, query: EntryFilter & { readonly group_by: "entity" }): Promise<EntityCount[]>
  /** Active entries with `q` in their name or in a value, in any letter case; those with it in the name come first. */
  search(user: User, q: string, page?: Partial<PageRequest>): Promise<Slice<Entry>>
}

export function createEntryLists({ database, access, schemas }: Omit<EntryFilterParts, "toTerm">): EntryLists {
  const parts = { database, access, schemas, toTerm: createSearchTerms(database) }
  const { db, tables } = database
  const { entity, entry } = tables
  const columns = entryColumns(tables)
  const findInOrder = createOrderedPages(database)
  const noOrdering = { joins: [], by: [asc(entry.id)] }

  async function page(scope: EntryScope, wanted: EntryWhere, orderings: Ordering[], request: PageRequest) {
    const ordered = findOrdered(scope, wanted, orderings)
    if (!ordered) return anyPage(scope, wanted, toOrderingSql(database, orderings), request)
    const { count, rows, rest } = await findInOrder(ordered, request)
    if (rest) rows.push(...(await select(scope, and(wanted.where, rest.where), noOrdering, rest)))
    return { count, results: rows.map((row) => toEntry(row, ordered.schema, scope.hidden)) }
  }

  async function anyPage(scope: EntryScope, wanted: EntryWhere, ordering: OrderingSql, request: PageRequest) {
    const { limit, offset } = request
    const rows = await select(scope, wanted.where, ordering, request)
    const isLast = rows.length < limit && (rows.length > 0 || offset === 0)
    const count = isLast ? offset + rows.length : await countEntries(database, wanted)
    return { count, results: await toEntries(scope, rows) }
  }

  async function select(
    { schema }: EntryScope,
    where: SQL | undefined,
    { joins, by }: OrderingSql,
    { limit, offset }: PageRequest,
  ): Promise<Row[]> {
    const query = schema
      ? db.select(columns).from(entry).$dynamic()
      : db
          .select({ ...columns, entity_id: entry.entity_id, entity_version: entity.version })
          .from(entry)
          .innerJoin(entity, eq(entity.id, entry.entity_id))
          .$dynamic()
    for (const { table, on } of joins) query.leftJoin(table, on)
    const rows = await query
      .where(where)
      .orderBy(...by)
      .limit(limit)
      .offset(offset)
    return rows as Row[]
  }

  async function toEntries({ viewer, schema, hidden }: EntryScope, rows: Row[]): Promise<Entry[]> {
    if (schema) return rows.map((row) => toEntry(row, schema, hidden))
    const found = await schemas.many(rows.map(({ entity_id: id, entity_version: version }) => ({ id, version })))
    const hiddenInAny = await findHidden(access, viewer, found.values())
    return rows.flatMap(({ entity_id: id, entity_version: _version, ...row }) => {
      const own = found.get(id)
      return own ? [toEntry(row, own, hiddenInAny)] : []
    })
  }

  return {
    async list(user, query) {
      const scope = await openScope(parts, user, query.entity)
      const issues: Issue[] = []
      const where = await toWhere(parts, scope, query, issues)
      const orderings = parseOrdering(query.ordering, scope, issues)
      const request = parsePage(query, issues)
      refuseIssues("Cannot list entries", issues)
      return page(scope, where, orderings, request)
    },

    async count(user, filter) {
      const scope = await openScope(parts, user, filter.entity)
      const issues: Issue[] = []
      const where = await toWhere(parts, scope, filter, issues)
      refuseIssues("Cannot count entries", issues)
      return countEntries(database, where)
    },

    async aggregate(user, { group_by, ...filter }) {
      const scope = await openScope(parts, user, filter.entity)
      const issues: Issue[] = []
      if (group_by !== "entity") {
        issues.push({ path: "group_by", message: `the value is ${show(group_by)}, wanted "entity"`, code: "ENUM" })
      }
      const where = await toWhere(parts, scope, { is_active: "all", ...filter }, issues)
      refuseIssues("Cannot count entries", issues)
      return aggregateWhere(database, where.where)
    },

    async search(user, q, request = {}) {
      const scope = await openScope(parts, user, undefined)
      const issues: Issue[] = []
      if (q === "")
        issues.push({ path: "q", message: "the text is empty, wanted what to look for", code: "SEARCH_INVALID" })
      const where = await toWhere(parts, scope, { search: q }, issues)
      const wanted = parsePage(request, issues)
      refuseIssues("Cannot search", issues)
      const first = sql`${hasTextInName(database, fold(q))} desc`
      return anyPage(scope, where, { joins: [], by: [first, asc(entry.name), asc(entry.id)] }, wanted)
    },
  }
}

type Row = Parameters<typeof toEntry>[0] & { entity_id: number; entity_version: number }

async function aggregateWhere({ db, tables }: Database, where: SQL | undefined): Promise<EntityCount[]> {
  const { entity, entry } = tables
  const rows = await db
    .select({
      entity: { id: entity.id, name: entity.name },
      count: count(),
      active: sql<number>`count(*) filter (where ${entry.is_active})`.mapWith(Number),
    })
    .from(entry)
    .innerJoin(entity, eq(entity.id, entry.entity_id))
    .where(where)
    .groupBy(entity.id, entity.name)
  return rows.toSorted((a, b) => (a.entity.name < b.entity.name ? -1 : 1))
}

function parsePage({ limit = 30, offset = 0 }: Partial<PageRequest>, issues: Issue[]): PageRequest {
  const check = (path: keyof PageRequest, value: unknown, least: number, most: number) => {
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return
    const message = `the value is ${show(value)}, wanted an integer from ${least} to ${most}`
    issues.push({ path, message, code: "INTEGER" })
  }
  check("limit", limit, 1, 1000)
  check("offset", offset, 0, Number.MAX_SAFE_INTEGER)
  return { limit, offset }
}
