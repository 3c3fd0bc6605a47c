import { type EntityCount, job, t } from "@pagoda/sdk"
import { daysAgo } from "./days-ago.ts"
import { plugin } from "./identity.ts"

export const reportParams = t.Object({
  report_type: t.String({ default: "summary", minLength: 1, maxLength: 100 }),
  days: t.Integer({ default: 30, minimum: 1, maximum: 36_500 }),
})

/** About the entries that were made in the last days, and that the one who asked may read. */
export const generateReport = job({
  name: "GENERATE_ANALYTICS_REPORT",
  params: reportParams,
  parallelizable: false,
  downloadable: true,
  run: async ({ params: { report_type, days }, api, progress }) => {
    await progress(10, "Counting entries")
    const now = Date.now()
    const [start, end] = [daysAgo(days, now), new Date(now).toISOString()]
    const counts = await api.entries.aggregate({ group_by: "entity", created_from: start, created_to: end })
    await progress(80, "Writing the report")
    return {
      report_type,
      date_range: { start, end, days },
      summary: {
        total_entries: counts.reduce((total, { count }) => total + count, 0),
        entities_analyzed: counts.length,
      },
      entity_breakdown: byName(counts),
      generated_at: new Date().toISOString(),
      plugin,
    }
  },
})

/** The name of an entity that was deleted is free: two may have it. */
function byName(counts: EntityCount[]): Record<string, { count: number; active: number }> {
  const found = new Map<string, { count: number; active: number }>()
  for (const { entity, count, active } of counts) {
    const before = found.get(entity.name) ?? { count: 0, active: 0 }
    found.set(entity.name, { count: before.count + count, active: before.active + active })
  }
  return Object.fromEntries(found)
}
