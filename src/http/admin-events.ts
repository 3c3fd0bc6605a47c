import { t } from "@pagoda/sdk"
import { requireAdmin } from "../core/access/require-admin.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { toEventStream } from "./event-stream.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const tags = ["admin"]

const notice = t.Object(
  {
    id: t.Integer(),
    plugin: t.String({ examples: ["hello-world-plugin"] }),
    severity: t.Union([t.Literal("info"), t.Literal("warning"), t.Literal("error")]),
    message: t.String(),
    created_at: t.String({ format: "date-time" }),
  },
  { description: "What a plugin told administrators, with api.services.notify" },
)

export function addAdminEvents(app: CoreApp, { accounts, adminEvents }: HttpContext): void {
  app.get(
    "/api/v2/admin/events",
    ({ user, request, server }) => {
      requireAdmin(user, "follow what administrators are told")
      // Nothing may happen for longer than the server lets a connection idle.
      server?.timeout(request, 0)
      const lastEventId = request.headers.get("last-event-id") ?? undefined
      return toEventStream({
        open: (signal) => adminEvents.follow({ lastEventId, signal }),
        request,
        async isAllowed() {
          const now = (await accounts.principal(request.headers))?.user
          return now?.id === user.id && now.is_admin
        },
      })
    },
    {
      detail: {
        tags,
        summary: "Repairs, notices of plugins and changes of their state, from now on or since Last-Event-ID",
        description:
          "Ends when the credentials are no longer good. Repairs and notices are told by every replica and are there for who comes back; how a plugin's state changes is told by the replica that answers, from now on.",
        responses: { 200: stream },
      },
    },
  )

  app.get(
    "/api/v2/admin/notices",
    async ({ user, query, request }) => toPageOf(request, await adminEvents.notices(user, query), query),
    {
      query: t.Object(pageQuery),
      response: pageSchema(notice),
      detail: { tags, summary: "What plugins told administrators, newest first; admins only" },
    },
  )
}

const example =
  'id: 7\nevent: notice\ndata: {"id":7,"plugin":"hello-world-plugin","severity":"info","message":"Hello"}\n\n'

const stream = {
  description: 'Server-sent events named "repair", "notice" and "plugin", each with what it is about as JSON',
  content: { "text/event-stream": { schema: { type: "string" as const, examples: [example] } } },
}
