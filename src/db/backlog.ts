import { type SQL, sql } from "drizzle-orm"
import type { Database } from "./database.ts"

/** Rows of one kind that something is still to be done with. */
export type Backlog<Kind> = Kind & { count: number; oldest_seconds: number }

type Page<Kind> = Kind & { count: number; oldest_seconds: number | null; last: number | null }

/** Postgres is asked once: it keeps nobody waiting, and would look for the beginning of each page anew. */
const pageSizes = { sqlite: 2_000, postgres: 1_000_000_000 }

/** In seconds, by the database's clock. */
export function ageOf(dialect: Database["dialect"], since: SQL): SQL<number> {
  return dialect === "postgres"
    ? sql`cast(extract(epoch from now() - ${since}) as double precision)`
    : sql`(unixepoch('subsec') - ${since} / 1000.0)`
}

/** On SQLite page by page, each in its own turn: whatever reads a long table keeps everyone else waiting. */
export async function readBacklog<Kind extends object>(
  dialect: Database["dialect"],
  kind: readonly (keyof Kind)[],
  readPage: (after: number, limit: number) => PromiseLike<Page<Kind>[]>,
): Promise<Backlog<Kind>[]> {
  const pageSize = pageSizes[dialect]
  const found = new Map<string, Backlog<Kind>>()
  for (let after = 0; ; ) {
    const page = await readPage(after, pageSize)
    let rows = 0
    for (const row of page) {
      const { last, ...group } = {
        ...row,
        count: Number(row.count),
        oldest_seconds: Math.max(0, row.oldest_seconds ?? 0),
      }
      const key = JSON.stringify(kind.map((name) => row[name]))
      const known = found.get(key)
      if (known) {
        known.count += group.count
        known.oldest_seconds = Math.max(known.oldest_seconds, group.oldest_seconds)
      } else found.set(key, group as unknown as Backlog<Kind>)
      rows += group.count
      after = Math.max(after, Number(last))
    }
    if (rows < pageSize) return [...found.values()]
    await new Promise((resolve) => setImmediate(resolve))
  }
}
