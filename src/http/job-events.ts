import { t, type User } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { toEventStream } from "./event-stream.ts"
import { jobListFlags, jobParams } from "./job-query.ts"

const tags = ["jobs"]

export function addJobEvents(app: CoreApp, { jobs, accounts }: HttpContext): void {
  const stillIs = (user: User, request: Request) => async () => {
    const now = (await accounts.principal(request.headers))?.user
    return now?.id === user.id && (now.is_admin || !user.is_admin)
  }
  const lastEventIdOf = (request: Request) => request.headers.get("last-event-id") ?? undefined

  app.get(
    "/api/v2/jobs/events",
    ({ user, query, request, server }) => {
      // Nothing may happen for longer than the server lets a connection idle.
      server?.timeout(request, 0)
      const options = {
        all_users: query.all_users === "true",
        hidden: query.hidden === "true",
        lastEventId: lastEventIdOf(request),
      }
      return toEventStream({
        open: (signal) => jobs.allEvents(user, { ...options, signal }),
        request,
        isAllowed: stillIs(user, request),
      })
    },
    {
      query: t.Object(jobListFlags),
      detail: {
        tags,
        summary: "Your jobs as they change, from now on or since Last-Event-ID",
        description:
          "Ends when the credentials are no longer good. Who reads slowly misses old states, never the newest.",
        responses: { 200: stream },
      },
    },
  )

  app.get(
    "/api/v2/jobs/:id/events",
    async ({ user, params: { id }, request, server }) => {
      server?.timeout(request, 0)
      const lastEventId = lastEventIdOf(request)
      // A browser's EventSource connects again whenever a stream ends, unless it is told this way that nothing comes.
      if (await jobs.isOver(id, user, lastEventId)) return new Response(null, { status: 204 })
      return toEventStream({
        open: (signal) => jobs.events(id, user, { lastEventId, signal }),
        request,
        isAllowed: stillIs(user, request),
      })
    },
    {
      params: jobParams,
      detail: {
        tags,
        summary: "A job's states as they come, to the last one",
        responses: {
          200: stream,
          204: { description: "The final state is what Last-Event-ID has seen: there is no more to come" },
        },
      },
    },
  )
}

const stream = {
  description: 'Server-sent events named "job", each with a job as JSON; resumable with Last-Event-ID',
  content: { "text/event-stream": { schema: { type: "string" as const } } },
}
