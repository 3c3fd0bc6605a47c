import type { AttributeType } from "@pagoda/sdk"
import { and, asc, count, eq, inArray } from "drizzle-orm"
import type { Entries } from "../entries.ts"
import type { EntryParts } from "./parts.ts"
import { entryColumns } from "./reader.ts"
import { findHidden, toEntry } from "./view.ts"

const referring: AttributeType[] = ["object", "named_object", "array_object", "array_named_object"]

export function createEntryReferrals({ access, database, reader, schemas }: EntryParts): Pick<Entries, "referrals"> {
  const { db, tables } = database
  const { entry, entity, attribute, entry_value } = tables

  return {
    async referrals(user, id, { limit, offset }) {
      const viewer = await access.viewer(user)
      await reader.entry(viewer, id, "readable")
      const refers = db
        .select({ id: entry_value.entry_id })
        .from(entry_value)
        .innerJoin(attribute, eq(attribute.id, entry_value.attribute_id))
        .where(
          and(
            eq(entry_value.ref_id, id),
            inArray(attribute.type, referring),
            eq(attribute.is_active, true),
            access.condition(viewer, "readable", "attribute", attribute),
          ),
        )
      const isShown = and(
        inArray(entry.id, refers),
        eq(entry.is_active, true),
        access.condition(viewer, "readable", "entry", entry),
        access.condition(viewer, "readable", "entity", entity),
      )
      const ofEntity = eq(entity.id, entry.entity_id)
      const [total] = await db.select({ count: count() }).from(entry).innerJoin(entity, ofEntity).where(isShown)
      const rows = await db
        .select({ row: entryColumns(tables), entity })
        .from(entry)
        .innerJoin(entity, ofEntity)
        .where(isShown)
        .orderBy(asc(entry.id))
        .limit(limit)
        .offset(offset)
      const found = await schemas.of([...new Map(rows.map((row) => [row.entity.id, row.entity])).values()])
      const byId = new Map(found.map((schema) => [schema.entity.id, schema]))
      const hidden = await findHidden(access, viewer, found)
      const results = rows.flatMap(({ row, entity: { id } }) => {
        const schema = byId.get(id)
        return schema ? [toEntry(row, schema, hidden)] : []
      })
      return { count: total?.count ?? 0, results }
    },
  }
}
