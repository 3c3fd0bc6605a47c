import { and, count, countDistinct, eq } from "drizzle-orm"
import type { Database } from "../../db/database.ts"

/** What goes without a plugin that is out, or waits for it. */
export type Waiting = {
  /** Operations of entities that are bound to it. */
  readonly operations: number
  readonly entities: number
  readonly jobs: number
  /** Calls of its durable hooks. */
  readonly deliveries: number
}

export async function countWaiting({ db, tables }: Database, plugin: string): Promise<Waiting> {
  const { entity_override, job, hook_delivery } = tables
  const [bound] = await db
    .select({ operations: count(), entities: countDistinct(entity_override.entity_id) })
    .from(entity_override)
    .where(eq(entity_override.plugin, plugin))
  const [jobs] = await db
    .select({ count: count() })
    .from(job)
    .where(and(eq(job.plugin, plugin), eq(job.status, "preparing")))
  const [deliveries] = await db.select({ count: count() }).from(hook_delivery).where(eq(hook_delivery.plugin, plugin))
  return {
    operations: Number(bound?.operations ?? 0),
    entities: Number(bound?.entities ?? 0),
    jobs: Number(jobs?.count ?? 0),
    deliveries: Number(deliveries?.count ?? 0),
  }
}
