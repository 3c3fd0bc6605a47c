import type { Database } from "../../db/database.ts"
import { createPostgresChoice } from "./pieces-postgres.ts"
import { createSqliteChoice } from "./pieces-sqlite.ts"
import { fold } from "./text.ts"

/** What to look for, and pieces of it that few entries have; none where that is not known. */
export type SearchTerm = { readonly part: string; readonly pieces: readonly string[] }

const triedLimit = 24

/** An index of three-letter pieces is asked for few that are rare: going through what is common takes longer the more entries there are. */
export function createSearchTerms(database: Database) {
  const choose = database.dialect === "postgres" ? createPostgresChoice(database) : createSqliteChoice(database)
  return async (text: string): Promise<SearchTerm> => {
    const part = fold(text)
    return { part, pieces: await choose(toPieces(part)) }
  }
}

/** From the end: what is alike in many names is more often at their beginning. */
function toPieces(part: string): string[] {
  const letters = [...part]
  const pieces = new Set<string>()
  for (let end = letters.length; end >= 3 && pieces.size < triedLimit; end--) {
    pieces.add(letters.slice(end - 3, end).join(""))
  }
  return [...pieces]
}
