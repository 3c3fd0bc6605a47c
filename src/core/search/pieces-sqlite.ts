import { sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"

/** What more entries have is common. */
const commonCount = 3_000
const knownLimit = 10_000
const rareAge = 60_000

/**
 * SQLite's index reads to the end whatever it is asked for: three pieces that are rare find as well as all of them. Which
 * are is remembered; what is common stays so.
 */
export function createSqliteChoice({ db }: Database) {
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

  return async (all: readonly string[]): Promise<readonly string[]> => {
    const rare: string[] = []
    for (const piece of all) {
      if (!(await isCommon(piece))) rare.push(piece)
      if (rare.length === 3) break
    }
    return rare.length > 0 ? rare : all
  }
}

export function toMatch(pieces: readonly string[]): string {
  return pieces.map((piece) => `"${piece.replaceAll('"', '""')}"`).join(" ")
}
