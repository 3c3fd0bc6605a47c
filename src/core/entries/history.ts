import { count, desc, eq } from "drizzle-orm"
import type { Entries } from "../entries.ts"
import type { EntryParts } from "./parts.ts"
import { findHidden } from "./view.ts"

export function createEntryHistory({ access, database, reader }: EntryParts): Pick<Entries, "history"> {
  const { db, tables } = database
  const { entry_history } = tables

  return {
    async history(user, id, { limit, offset }) {
      const viewer = await access.viewer(user)
      const { schema } = await reader.entry(viewer, id, "readable")
      const hidden = await findHidden(access, viewer, [schema])
      const ofEntry = eq(entry_history.entry_id, id)
      const [total] = await db.select({ count: count() }).from(entry_history).where(ofEntry)
      const rows = await db
        .select()
        .from(entry_history)
        .where(ofEntry)
        .orderBy(desc(entry_history.version))
        .limit(limit)
        .offset(offset)
      const results = rows.map(({ version, action, changes, user_id, username, created_at }) => ({
        version,
        action,
        changes: changes.filter(({ attribute_id }) => attribute_id === null || !hidden.has(attribute_id)),
        user: { id: user_id, username },
        created_at,
      }))
      return { count: total?.count ?? 0, results }
    },
  }
}
