import type { AttributeType } from "@pagoda/sdk"
import type { Database } from "../../src/db/database.ts"

/** The rows of an entry whose one value refers to this; gives the entry's id. */
export async function referTo({ tables, transaction }: Database, type: AttributeType, ref_id: number): Promise<number> {
  const at = new Date().toISOString()
  const made = { created_by: "test", created_at: at, updated_by: "test", updated_at: at }
  return transaction(async (handle) => {
    const name = `refers to ${type} ${ref_id}`
    const [entity] = await handle
      .insert(tables.entity)
      .values({ name, ...made })
      .returning()
    const entity_id = entity?.id as number
    const [attribute] = await handle
      .insert(tables.attribute)
      .values({ entity_id, name: "to", type, referral: [], choices: [], default_value: null, index: 0 })
      .returning()
    const attribute_id = attribute?.id as number
    const [entry] = await handle
      .insert(tables.entry)
      .values({ entity_id, name, attrs: { [attribute_id]: [ref_id] }, ...made })
      .returning()
    const entry_id = entry?.id as number
    await handle.insert(tables.entry_value).values({ entry_id, attribute_id, position: 0, ref_id })
    return entry_id
  })
}
