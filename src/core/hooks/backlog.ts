import { asc, count, gt, max, sql } from "drizzle-orm"
import { ageOf, type Backlog, readBacklog } from "../../db/backlog.ts"
import type { Database } from "../../db/database.ts"

/** How many deliveries a plugin's durable hook has before it, in all processes. */
export type HookBacklog = Backlog<Kind>
type Kind = { plugin: string; hook: string }

export function readHookBacklog({ db, dialect, tables }: Database): Promise<HookBacklog[]> {
  const { hook_delivery: delivery } = tables
  const { plugin, hook } = delivery
  return readBacklog<Kind>(dialect, ["plugin", "hook"], (after, limit) => {
    const page = db
      .select({ id: delivery.id, plugin, hook, age: ageOf(dialect, sql`${delivery.created_at}`).as("age") })
      .from(delivery)
      .where(gt(delivery.id, after))
      .orderBy(asc(delivery.id))
      .limit(limit)
      .as("page")
    return db
      .select({
        plugin: page.plugin,
        hook: page.hook,
        count: count(),
        oldest_seconds: sql<number>`max(${page.age})`,
        last: max(page.id),
      })
      .from(page)
      .groupBy(page.plugin, page.hook)
  })
}
