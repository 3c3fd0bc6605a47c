import type { Entry, Json, Level } from "@pagoda/sdk"
import type { Tables } from "../../db/schema.ts"
import { grants } from "../access/levels.ts"
import type { Viewer } from "../access/viewer.ts"
import type { Access } from "../access.ts"
import type { AttributeRow, EntitySchema } from "../entities/schemas.ts"
import { kinds } from "../kinds.ts"

/** What of a row is answered. */
export type EntryRow = Omit<Tables["entry"]["$inferSelect"], "entity_id" | "search">

/** Ids of attributes that a viewer may not read. */
export type Hidden = ReadonlySet<number>

/** The levels of attributes whose own columns do not grant everything; any other is `full`. */
export type AttributeLevels = ReadonlyMap<number, Level>

const allFull: AttributeLevels = new Map()
const nothingHidden: Hidden = new Set()

/** One statement at most, however many schemas there are; their entities are known to grant the level. */
export async function findLevels(
  access: Access,
  viewer: Viewer,
  schemas: Iterable<EntitySchema>,
): Promise<AttributeLevels> {
  if (viewer.isAll) return allFull
  const closed: AttributeRow[] = []
  for (const { byId } of schemas)
    for (const attribute of byId.values()) if (!attribute.is_public) closed.push(attribute)
  return closed.length === 0 ? allFull : access.ownLevel(viewer, "attribute", closed)
}

export function toHidden(levels: AttributeLevels): Hidden {
  if (levels.size === 0) return nothingHidden
  return new Set([...levels].filter(([, level]) => !grants(level, "readable")).map(([id]) => id))
}

/** One statement at most, however many schemas there are; their entities are known to be readable. */
export async function findHidden(access: Access, viewer: Viewer, schemas: Iterable<EntitySchema>): Promise<Hidden> {
  return toHidden(await findLevels(access, viewer, schemas))
}

export function toEntry(row: EntryRow, { entity, attributes }: EntitySchema, hidden: Hidden): Entry {
  const { id, name, attrs, ...rest } = row
  const values: [string, Json][] = []
  for (const attribute of attributes) {
    if (!hidden.has(attribute.id)) values.push([attribute.name, valueIn(attrs, attribute)])
  }
  // an attribute may be called "__proto__"
  return { id, entity: { id: entity.id, name: entity.name }, name, attrs: Object.fromEntries(values), ...rest }
}

/** What an entry has never been given is empty. */
export function valueIn(attrs: EntryRow["attrs"], { id, type }: Pick<AttributeRow, "id" | "type">): Json {
  return attrs[id] ?? (kinds[type].empty as Json)
}
