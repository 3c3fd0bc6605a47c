import { and, eq, inArray } from "drizzle-orm"
import type { Transaction } from "../../db/database.ts"
import type { Tables } from "../../db/schema.ts"
import { PagodaError } from "../../errors.ts"

/** What a live entry refers to stays. Says that there is one, not which: who asks may not be allowed to read it. */
export async function refuseReferred(
  handle: Transaction,
  { attribute, entry, entry_value }: Tables,
  type: "group" | "role",
  id: number,
  what: string,
): Promise<void> {
  const [found] = await handle
    .select({ id: entry.id })
    .from(entry_value)
    .innerJoin(attribute, eq(attribute.id, entry_value.attribute_id))
    .innerJoin(entry, eq(entry.id, entry_value.entry_id))
    .where(
      and(
        eq(entry_value.ref_id, id),
        inArray(attribute.type, [type, `array_${type}`]),
        eq(attribute.is_active, true),
        eq(entry.is_active, true),
      ),
    )
    .limit(1)
  if (found) throw new PagodaError("CONFLICT", `Cannot ${what}: entries refer to it; change these first`)
}
