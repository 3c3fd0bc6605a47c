import { sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"
import { fold } from "./text.ts"

/** What to look for, and pieces of it that few entries have. */
export type SearchTerm = { readonly part: string; readonly pieces: readonly string[] }

/** What more entries have is common. */
const commonCount = 3_000
const triedLimit = 24
const knownLimit = 10_000
const rareAge = 60_000

/**
 * SQLite's index of three-letter pieces reads to the end whatever it is asked for: three pieces that are rare find as well
 * as all of them. Which are is remembered; what is common stays so.
 */
export function createSearchTerms({ db, dialect }: Database) {
  const known = new Map<string, { isCommon: boolean; at: number }>()

  async function isCommon(piece: string): Promise<boolean> {
    const told = known.get(piece)
    if (told && (told.isCommon || Date.now() - told.at < rareAge)) return told.isCommon
    const rows = await db
      .select({ id: sql`rowid` })
      .from(sql`entry_search`)
      .where(sql`entry_search match ${toMatch([piece])}`)
      .limit(1)
      .offset(commonCount)
    if (known.size >= knownLimit) known.clear()
    known.set(piece, { isCommon: rows.length > 0, at: Date.now() })
    return rows.length > 0
  }

  return async (text: string): Promise<SearchTerm> => {
    const part = fold(text)
    if (dialect === "postgres") return { part, pieces: [] }
    const all = toPieces(part)
    const rare: string[] = []
    for (const piece of all) {
      if (!(await isCommon(piece))) rare.push(piece)
      if (rare.length === 3) break
    }
    return { part, pieces: rare.length > 0 ? rare : all }
  }
}

export function toMatch(pieces: readonly string[]): string {
  return pieces.map((piece) => `"${piece.replaceAll('"', '""')}"`).join(" ")
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
