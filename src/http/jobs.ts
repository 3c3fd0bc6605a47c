import { t, type User } from "@pagoda/sdk"
import { type Jobs, toEventId } from "../jobs/jobs.ts"
import { isFinal } from "../jobs/records.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { toEventStream } from "./event-stream.ts"
import { pageQuery, pageSchema } from "./page.ts"

const tags = ["jobs"]

const status = t.Union([
  t.Literal("preparing"),
  t.Literal("processing"),
  t.Literal("done"),
  t.Literal("warning"),
  t.Literal("error"),
  t.Literal("timeout"),
  t.Literal("canceled"),
])
const time = t.String({ format: "date-time" })

const job = t.Object(
  {
    id: t.Integer(),
    operation: t.Integer({ description: "Below 200 the core's own, 200–9999 the plugins'" }),
    operation_name: t.String(),
    plugin: t.Union([t.String(), t.Null()]),
    user: t.Object({ id: t.String(), username: t.String() }),
    target: t.Union([
      t.Object({ type: t.String(), id: t.Union([t.Integer(), t.String()]), name: t.String() }),
      t.Null(),
    ]),
    status,
    progress: t.Integer({ minimum: 0, maximum: 100 }),
    message: t.String({ description: "What the last progress report said" }),
    params: t.Unknown(),
    text: t.Union([t.String(), t.Null()], { description: "What it returned" }),
    error: t.Union([t.String(), t.Null()], { description: "Why it ended as error or timeout" }),
    attempts: t.Integer({ description: "How many times it was started" }),
    cancelable: t.Boolean(),
    downloadable: t.Boolean(),
    created_at: time,
    started_at: t.Union([time, t.Null()]),
    finished_at: t.Union([time, t.Null()]),
  },
  { description: "One run of an operation" },
)

const params = t.Object({ id: t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })

const query = t.Object({
  ...pageQuery,
  status: t.Optional(status),
  operation: t.Optional(t.Integer({ minimum: 1, maximum: 9999 })),
  plugin: t.Optional(t.String({ maxLength: 100, pattern: "^[a-z0-9_-]+$" })),
  all_users: t.Optional(
    t.Union([t.Literal("true"), t.Literal("false")], {
      description: "Everyone's jobs; admins only, ignored for others",
    }),
  ),
})

export function addJobs(app: CoreApp, { jobs }: HttpContext): void {
  app.get(
    "/api/v2/jobs",
    ({ user, query: { all_users, ...filter } }) =>
      jobs.list(user, { ...filter, all_users: all_users === "true" || undefined }),
    { query, response: pageSchema(job), detail: { tags, summary: "Your jobs, newest first" } },
  )

  app.get("/api/v2/jobs/:id", ({ user, params: { id } }) => jobs.get(id, user), {
    params,
    response: job,
    detail: { tags, summary: "One job" },
  })

  app.post("/api/v2/jobs/:id/cancel", ({ user, params: { id } }) => jobs.cancel(id, user), {
    params,
    response: job,
    detail: { tags, summary: "Cancels a job that waits or runs" },
  })

  app.get(
    "/api/v2/jobs/:id/events",
    ({ user, params: { id }, request, server }) => {
      // A job may have nothing to tell for longer than the server lets a connection idle.
      server?.timeout(request, 0)
      return toLiveAnswer(jobs, id, user, request)
    },
    { params, detail: { tags, summary: "A job's states as they come, to the last one", responses: eventResponses } },
  )
}

const eventResponses = {
  200: {
    description:
      'Server-sent events named "job", each with a job as JSON; resumable with Last-Event-ID; ends after the final state',
    content: { "text/event-stream": { schema: { type: "string" as const } } },
  },
  204: { description: "The final state is what Last-Event-ID has seen: there is no more to come" },
}

async function toLiveAnswer(jobs: Jobs, id: number, user: User, request: Request): Promise<Response> {
  const now = await jobs.get(id, user)
  const lastEventId = request.headers.get("last-event-id") ?? undefined
  // A browser's EventSource connects again whenever a stream ends, unless it is told this way that nothing comes.
  if (isFinal(now.status) && lastEventId === toEventId(now)) return new Response(null, { status: 204 })
  return toEventStream((signal) => jobs.events(id, user, { lastEventId, signal }), request.signal)
}
