import type { Api } from "@pagoda/sdk"
import { findEntity } from "./find-entity.ts"
import { plugin } from "./identity.ts"

export type EntityCounts = {
  entity_id: number
  entity_name: string
  total_entries: number
  active_entries: number
  plugin: string
}

/** Nothing for an entity that is not there, or that the caller may not read: he is not told which. */
export async function countEntity(
  api: Pick<Api, "entities" | "entries">,
  id: number,
): Promise<EntityCounts | undefined> {
  const entity = await findEntity(api, id)
  if (!entity?.is_active) return undefined
  const [counts] = await api.entries.aggregate({ group_by: "entity", entity: entity.id })
  return {
    entity_id: entity.id,
    entity_name: entity.name,
    total_entries: counts?.count ?? 0,
    active_entries: counts?.active ?? 0,
    plugin,
  }
}
