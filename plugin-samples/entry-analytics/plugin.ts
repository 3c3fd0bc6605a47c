import { type Api, definePlugin, type Json, onEntry, t } from "@pagoda/sdk"
import { cleanUp, countActivity, migrations, recordActivity } from "./activity.ts"
import { countEntity } from "./count-entity.ts"
import { daysAgo } from "./days-ago.ts"
import { exportData, exportParams } from "./export.ts"
import { plugin } from "./identity.ts"
import { generateReport, reportParams } from "./report.ts"

const queued = t.Object({
  job_id: t.Integer(),
  status: t.Literal("queued"),
  message: t.String(),
  plugin: t.String(),
})

export default definePlugin({
  id: plugin,
  name: "Entry Analytics Plugin",
  version: "1.0.0",
  description: "Counts, reports and exports of entries",
  author: "Pagoda Team",
  engines: { pagoda: ">=2.0.0 <3.0.0" },
  permissions: ["entities:read", "entries:read", "jobs:create", "db"],
  settings: t.Object({
    ANALYTICS_RETENTION_DAYS: t.Integer({ default: 365, minimum: 1, maximum: 36_500 }),
    ENABLE_REAL_TIME_TRACKING: t.Boolean({ default: true }),
  }),
  migrations,
  routes: (app) =>
    app
      .get(
        "/analytics/summary",
        async ({ api }) => {
          const [total_entries, recent_entries] = await Promise.all([
            api.entries.count({ is_active: "all" }),
            api.entries.count({ is_active: "all", created_from: daysAgo(30) }),
          ])
          return { total_entries, recent_entries, period: "30 days", plugin, generated_at: new Date().toISOString() }
        },
        { detail: { summary: "How many entries there are, and how many are new" } },
      )
      .get(
        "/analytics/entries/:entity_id",
        async ({ api, params, status }) => {
          const counts = await countEntity(api, params.entity_id)
          return counts ?? status(404, { error: "Entity not found", plugin })
        },
        {
          params: t.Object({ entity_id: t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
          detail: { summary: "How many entries an entity has" },
        },
      )
      .get(
        "/analytics/activity",
        async ({ api, user, status }) => {
          // it counts what was written everywhere, also where not everybody may read
          if (!user.is_admin) return status(403, { error: "Activity is for administrators", plugin })
          return { ...(await countActivity(api.db, daysAgo(30))), period: "30 days", plugin }
        },
        { detail: { summary: "How many entries were made and changed, as the hooks recorded it" } },
      )
      .post(
        "/analytics/report",
        async ({ api, body, status }) => {
          const job_id = await queue(api, 1101, body)
          return status(201, {
            job_id,
            status: "queued" as const,
            message: "Analytics report generation started",
            plugin,
          })
        },
        { body: t.Partial(reportParams), response: { 201: queued }, detail: { summary: "Queue a report" } },
      )
      .post(
        "/analytics/export",
        async ({ api, body, status }) => {
          const job_id = await queue(api, 1102, body)
          return status(201, { job_id, status: "queued" as const, message: "Analytics data export started", plugin })
        },
        { body: t.Partial(exportParams), response: { 201: queued }, detail: { summary: "Queue an export" } },
      ),
  jobs: { 1101: generateReport, 1102: exportData, 1103: cleanUp },
  hooks: [
    onEntry("after_create", { durable: true }, recordActivity("create")),
    onEntry("after_update", { durable: true }, recordActivity("update")),
  ],
  initialize: (api) => api.jobs.schedule(1103, "15 3 * * *"),
})

async function queue(api: Pick<Api, "jobs">, operation: number, params: Json): Promise<number> {
  const { id } = await api.jobs.create({ operation, params })
  return id
}
