import { type Api, type Entity, type Entry, job, t } from "@pagoda/sdk"
import { toCsv } from "./csv.ts"
import { findEntity } from "./find-entity.ts"

const id = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

export const exportParams = t.Object({
  format: t.Union([t.Literal("json"), t.Literal("csv")], { default: "json" }),
  /** Empty: all of them. */
  entity_ids: t.Array(id, { default: [], maxItems: 1000 }),
})

export type ExportedEntity = { entity_id: number; entity_name: string; entries: ExportedEntry[] }
type ExportedEntry = Pick<Entry, "id" | "name" | "created_at" | "is_active">
type DataApi = Pick<Api, "entities" | "entries">

const page = 1000

/** The entries, deleted ones too, that the one who asked may read. */
export const exportData = job({
  name: "EXPORT_ANALYTICS_DATA",
  params: exportParams,
  parallelizable: true,
  downloadable: true,
  run: async ({ params: { format, entity_ids }, api, progress, signal }) => {
    const entities = await findEntities(api, entity_ids)
    for (const left of missing(entity_ids, entities)) await api.log.warn(`Entity ${left} is left out: it is not found`)
    const exported: ExportedEntity[] = []
    for (const [at, { id: entity_id, name: entity_name }] of entities.entries()) {
      signal.throwIfAborted()
      await progress(Math.round((100 * at) / entities.length), `Exporting ${entity_name}`)
      exported.push({ entity_id, entity_name, entries: await findEntries(api, entity_id, signal) })
    }
    return format === "csv" ? toCsv(exported) : exported
  },
})

async function findEntities(api: DataApi, ids: number[]): Promise<Entity[]> {
  if (ids.length === 0) return allPages((offset) => api.entities.list({ limit: page, offset }))
  const found: Entity[] = []
  for (const id of new Set(ids)) {
    const entity = await findEntity(api, id)
    if (entity?.is_active) found.push(entity)
  }
  return found
}

function missing(ids: number[], found: Entity[]): number[] {
  const known = new Set(found.map(({ id }) => id))
  return [...new Set(ids)].filter((id) => !known.has(id))
}

async function findEntries(api: DataApi, entity: number, signal: AbortSignal): Promise<ExportedEntry[]> {
  const entries = await allPages((offset) => {
    signal.throwIfAborted()
    return api.entries.list({ entity, is_active: "all", ordering: "id", limit: page, offset })
  })
  return entries.map(({ id, name, created_at, is_active }) => ({ id, name, created_at, is_active }))
}

async function allPages<T>(read: (offset: number) => Promise<{ results: T[] }>): Promise<T[]> {
  const found: T[] = []
  for (;;) {
    const { results } = await read(found.length)
    found.push(...results)
    if (results.length < page) return found
  }
}
