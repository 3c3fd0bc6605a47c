import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { toDownloadResponse } from "./job-downloads.ts"
import { addJobEvents } from "./job-events.ts"
import { jobListFlags, jobParams } from "./job-query.ts"
import { jobLogSchema, jobSchema, jobStatus } from "./job-schema.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const tags = ["jobs"]

const query = t.Object({
  ...pageQuery,
  status: t.Optional(jobStatus),
  operation: t.Optional(t.Integer({ minimum: 1, maximum: 9999 })),
  plugin: t.Optional(t.String({ maxLength: 100, pattern: "^[a-z0-9_-]+$" })),
  ...jobListFlags,
})

export function addJobs(app: CoreApp, context: HttpContext): void {
  const { jobs } = context
  app.get(
    "/api/v2/jobs",
    async ({ user, query, request }) => {
      const { all_users, hidden, ...filter } = query
      const flags = { all_users: all_users === "true", hidden: hidden === "true" }
      return toPageOf(request, await jobs.list(user, { ...filter, ...flags }), query)
    },
    { query, response: pageSchema(jobSchema), detail: { tags, summary: "Your jobs, newest first" } },
  )

  app.get("/api/v2/jobs/:id", ({ user, params: { id } }) => jobs.get(id, user), {
    params: jobParams,
    response: jobSchema,
    detail: { tags, summary: "One job" },
  })

  app.post("/api/v2/jobs/:id/cancel", ({ user, params: { id } }) => jobs.cancel(id, user), {
    params: jobParams,
    response: jobSchema,
    detail: {
      tags,
      summary: "Cancels a job that waits or runs",
      description: 'One that has ended, or is not cancelable, is 409 "JOB_NOT_CANCELABLE".',
    },
  })

  app.post("/api/v2/jobs/:id/rerun", ({ user, params: { id } }) => jobs.rerun(id, user), {
    params: jobParams,
    response: jobSchema,
    detail: {
      tags,
      summary: "Runs a job that has ended again",
      description: 'The same job with the same params waits again. One that waits or runs is 409 "JOB_RUNS".',
    },
  })

  app.get(
    "/api/v2/jobs/:id/download",
    async ({ user, params: { id }, request }) => toDownloadResponse(await jobs.download(id, user), request),
    {
      params: jobParams,
      detail: {
        tags,
        summary: "What a job returned, as a file",
        description:
          'Not downloadable: 409 "JOB_NOT_DOWNLOADABLE"; not over yet: 409 "JOB_NOT_FINISHED"; nothing returned: 404 "JOB_HAS_NO_RESULT".',
        responses: downloadResponses,
      },
    },
  )

  app.get(
    "/api/v2/jobs/:id/logs",
    async ({ user, params: { id }, query, request }) => toPageOf(request, await jobs.logs(id, user, query), query),
    {
      params: jobParams,
      query: t.Object(pageQuery),
      response: pageSchema(jobLogSchema),
      detail: { tags, summary: "What a job said while it ran, oldest first; at most 1000 lines are kept" },
    },
  )

  addJobEvents(app, context)
}

const file = { schema: { type: "string" as const } }
const downloadResponses = {
  200: {
    description: "A text as text/plain, anything else as JSON, or what the operation writes, such as CSV",
    content: { "text/plain": file, "application/json": {}, "text/csv": file },
  },
  304: { description: "If-None-Match has this result already" },
}
