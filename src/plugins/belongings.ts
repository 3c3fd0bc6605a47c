import { and, count, eq, inArray } from "drizzle-orm"
import { createAudit } from "../core/audit.ts"
import type { Database } from "../db/database.ts"
import { createRecords, openStatuses } from "../jobs/records.ts"
import { createRevisions } from "../jobs/revisions.ts"
import type { By } from "./installed.ts"

/** What the core keeps of a plugin, besides the plugin's own database. */
export type Belongings = {
  /** It was installed here: its version and whether it is enabled are known. */
  readonly is_installed: boolean
  readonly settings: number
  /** Operations of entities that an operator bound to it. */
  readonly overrides: number
  readonly schedules: number
  /** Durable hooks that wait for it. */
  readonly deliveries: number
  /** Jobs that have not ended: they are canceled. */
  readonly open_jobs: number
  /** Jobs of it, those included: they stay for the users who started them, and name no plugin any more. */
  readonly jobs: number
  /** What was or is wrong with it. */
  readonly repairs: number
}

/** What the audit has of a purge. */
export type Audited = { readonly by: By; readonly gone: Belongings }

export async function countBelongings({ db, tables }: Database, id: string): Promise<Belongings> {
  const { installed_plugin, plugin_setting, entity_override, job_schedule, hook_delivery, job, repair } = tables
  const only = async (query: PromiseLike<{ count: number }[]>) => Number((await query)[0]?.count ?? 0)
  const from = { count: count() }
  return {
    is_installed: (await only(db.select(from).from(installed_plugin).where(eq(installed_plugin.plugin_id, id)))) > 0,
    settings: await only(db.select(from).from(plugin_setting).where(eq(plugin_setting.plugin, id))),
    overrides: await only(db.select(from).from(entity_override).where(eq(entity_override.plugin, id))),
    schedules: await only(db.select(from).from(job_schedule).where(eq(job_schedule.plugin, id))),
    deliveries: await only(db.select(from).from(hook_delivery).where(eq(hook_delivery.plugin, id))),
    open_jobs: await only(
      db
        .select(from)
        .from(job)
        .where(and(eq(job.plugin, id), inArray(job.status, openStatuses))),
    ),
    jobs: await only(db.select(from).from(job).where(eq(job.plugin, id))),
    repairs: await only(db.select(from).from(repair).where(eq(repair.plugin, id))),
  }
}

/** For good. Whoever is killed in the middle does it again: nothing that is left keeps the rest from going. */
export async function removeBelongings(database: Database, id: string, audited: Audited): Promise<void> {
  const { db, tables, transaction } = database
  const { installed_plugin, entity_override, job_schedule, hook_delivery, job, repair } = tables
  const records = createRecords(database, createRevisions(database))
  const open = await db
    .select({ id: job.id })
    .from(job)
    .where(and(eq(job.plugin, id), inArray(job.status, openStatuses)))
  for (const { id: number } of open) {
    const values = { status: "canceled", message: `plugin "${id}" was purged`, finished_at: records.now } as const
    await records.change(number, { status: openStatuses }, values)
  }
  await transaction(async (tx) => {
    await tx.delete(job_schedule).where(eq(job_schedule.plugin, id))
    await tx.delete(hook_delivery).where(eq(hook_delivery.plugin, id))
    await tx.delete(entity_override).where(eq(entity_override.plugin, id))
    await tx.delete(repair).where(eq(repair.plugin, id))
    await tx.update(job).set({ plugin: null }).where(eq(job.plugin, id))
    // its settings and dependencies go with it
    await tx.delete(installed_plugin).where(eq(installed_plugin.plugin_id, id))
    await createAudit(database).write(tx, audited.by, "purge", "plugin", id, { ...audited.gone })
  })
}

export function isEmpty({ is_installed, ...counts }: Belongings): boolean {
  return !is_installed && Object.values(counts).every((counted) => counted === 0)
}
