import type { User } from "@pagoda/sdk"
import { and, asc, eq, gt, max, min } from "drizzle-orm"
import type { Core } from "../core/core.ts"
import type { AttributeRow } from "../core/entities/schemas.ts"
import { valueIn } from "../core/entries/view.ts"
import type { Database } from "../db/database.ts"
import { PagodaError } from "../errors.ts"
import type { TransferEntry } from "./format.ts"
import { openEntity } from "./open-entity.ts"

export type EntryPage = {
  readonly entries: readonly TransferEntry[]
  /** How much of the way is behind: 0 to 1. */
  readonly part: number
}

export type EntryPages = {
  /** Those that the user may read, in their order. */
  readonly attributes: readonly AttributeRow[]
  /** The next ones; nothing: that were all. @throws NOT_FOUND, CONFLICT */
  read(limit: number): Promise<EntryPage | undefined>
}

/**
 * The active entries of an entity that a user may read, by id. Who may read what is asked again for each page.
 *
 * @throws NOT_FOUND
 */
export async function openEntryPages(
  core: Pick<Core, "access" | "schemas">,
  { db, tables: { entry } }: Database,
  entityId: number,
  currentUser: () => Promise<User>,
): Promise<EntryPages> {
  const look = async () => openEntity(core, await currentUser(), entityId, "readable")
  const { attributes } = await look()
  const columns = { id: entry.id, name: entry.name, attrs: entry.attrs }
  const isListed = and(eq(entry.entity_id, entityId), eq(entry.is_active, true))
  const [ends] = await db
    .select({ first: min(entry.id), last: max(entry.id) })
    .from(entry)
    .where(isListed)
  const first = Number(ends?.first ?? 0)
  const last = Number(ends?.last ?? 0)
  let done = first - 1

  return {
    attributes,
    async read(limit) {
      const now = await look()
      refuseOthers(attributes, now.attributes)
      const isReadable = core.access.condition(now.viewer, "readable", "entry", entry)
      const rows = await db
        .select(columns)
        .from(entry)
        .where(and(isListed, gt(entry.id, done), isReadable))
        .orderBy(asc(entry.id))
        .limit(limit)
      const end = rows.at(-1)
      if (!end) return undefined
      done = end.id
      const entries = rows.map(({ id, name, attrs }) => ({
        id,
        name,
        values: attributes.map((attribute) => valueIn(attrs, attribute)),
      }))
      // others may have been made behind the last one
      return { entries, part: Math.min(1, (done - first + 1) / (last - first + 1)) }
    },
  }
}

/** The columns of a file are those of its first line. */
function refuseOthers(before: readonly AttributeRow[], now: readonly AttributeRow[]): void {
  const isSame = ({ id, name, type }: AttributeRow, at: number) =>
    now[at]?.id === id && now[at].name === name && now[at].type === type
  if (before.length === now.length && before.every(isSame)) return
  const problem = "its attributes, or who may read them, were changed meanwhile; run the job again"
  throw new PagodaError("CONFLICT", `Cannot export the entity: ${problem}`)
}
