import { sql } from "drizzle-orm"
import type { Database } from "../../db/database.ts"

const sampleSize = 500
/** What fewer of the sample have is rare. */
const rareCount = 5
/** What more of them have finds too many to be looked for. */
const commonCount = 50
/** How much of a document is looked at. */
const reach = 2_000
const sampleAge = 60_000

/** What the server takes for a part of a word in whatever language its database is. */
const inWord = /^[a-z0-9]{3}$/

/** How many of the sample have a piece; nothing where there is no index. */
type Counts = ReadonlyMap<string, number> | undefined

/**
 * Postgres's index looks for every piece of what it is asked for, those too that each entry has: it is asked for the three
 * rarest. Which are is told by a sample of the entries, taken again from time to time.
 */
export function createPostgresChoice({ db, tables: { entry } }: Database) {
  let counts: Promise<Counts> | undefined
  let countedAt = 0

  async function count(): Promise<Counts> {
    const isThere = sql`to_regclass('entry_search') is not null and to_regproc('show_trgm') is not null`
    const [index] = await db.select({ isThere }).from(sql`(values (1)) one`)
    if (!index?.isThere) return undefined
    const id = sql`floor(random() * (select max(id) from ${entry}) + 1)::bigint`
    const ids = sql`select ${id} from generate_series(1, ${sampleSize}::int)`
    const found = sql`select unnest(show_trgm(left(${entry.search}, ${reach}::int))) as piece from ${entry} where ${entry.id} in (${ids})`
    const rows = await db
      .select({ piece: sql<string>`piece`, count: sql`count(*)`.mapWith(Number) })
      .from(sql`(${found}) found`)
      .groupBy(sql`piece`)
      .having(sql`count(*) > ${rareCount}`)
    return new Map(rows.map((row) => [row.piece, row.count]))
  }

  function latest(): Promise<Counts> {
    if (counts && Date.now() - countedAt < sampleAge) return counts
    countedAt = Date.now()
    counts = count()
    counts.catch(() => {
      counts = undefined
    })
    return counts
  }

  return async (all: readonly string[]): Promise<readonly string[]> => {
    const pieces = all.filter((piece) => inWord.test(piece))
    const known = pieces.length > 0 ? await latest() : undefined
    if (!known) return []
    const countOf = (piece: string) => known.get(piece) ?? 0
    const rare = pieces.filter((piece) => countOf(piece) <= commonCount)
    return rare.toSorted((one, other) => countOf(one) - countOf(other)).slice(0, 3)
  }
}
