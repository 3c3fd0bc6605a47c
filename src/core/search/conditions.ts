import { and, eq, exists, like, or, type SQL, sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import type { SearchTerm } from "./pieces.ts"
import { toMatch } from "./pieces-sqlite.ts"
import { separator } from "./text.ts"

/** Where in a text another begins, 0 where it does not. */
function positionOf({ dialect }: Database, text: unknown, part: string): SQL {
  return dialect === "sqlite" ? sql`instr(${text}, ${part})` : sql`strpos(${text}, ${part})`
}

export function hasText(database: Database, text: unknown, part: string): SQL {
  return sql`${positionOf(database, text, part)} > 0`
}

/** The name is the first part of a document, and no part that is searched for reaches into the next. */
export function hasTextInName(database: Database, part: string): SQL {
  const { search } = database.tables.entry
  const at = positionOf(database, search, part)
  return sql`(${at} > 0 and ${at} < ${positionOf(database, search, separator)})`
}

/**
 * Entries with the folded text in their name or in a value; `readable` is the condition on `entry_value` for who may not
 * read every attribute.
 */
export function toSearchCondition(database: Database, { part, pieces }: SearchTerm, readable: SQL | undefined): SQL {
  if (part === "") return sql`1 = 0`
  const found = hasTextInDocument(database, part, pieces)
  if (!readable) return found
  const { db, tables } = database
  const { entry, entry_value: value } = tables
  const inValue = db
    .select({ one: sql`1` })
    .from(value)
    .where(
      and(
        eq(value.entry_id, entry.id),
        readable,
        hasText(database, sql`coalesce(${value.folded}, ${value.text})`, part),
      ),
    )
  return and(found, or(hasTextInName(database, part), exists(inValue))) as SQL
}

/** Where no piece is known to be rare, Postgres looks for all of them, and reads every document where there are none. */
function hasTextInDocument(database: Database, part: string, pieces: readonly string[]): SQL {
  const { entry } = database.tables
  const exact = hasText(database, entry.search, part)
  if (database.dialect === "postgres") {
    if (pieces.length === 0) return like(entry.search, `%${part.replace(/[\\%_]/g, "\\$&")}%`)
    return and(...pieces.map((piece) => like(entry.search, `%${piece}%`)), exact) as SQL
  }
  if (pieces.length === 0) return exact
  const indexed = sql`select rowid from entry_search where entry_search match ${toMatch(pieces)}`
  return sql`(${entry.id} in (${indexed} union all select id from entry_unsearched) and ${exact})`
}
