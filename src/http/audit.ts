import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const record = t.Object(
  {
    id: t.Integer(),
    user: t.Object({ id: t.String(), username: t.String() }, { description: "Who did it, by the name at that time" }),
    action: t.String({ examples: ["update"] }),
    object_type: t.String({ examples: ["role"] }),
    object_id: t.String({ examples: ["7"] }),
    changes: t.Unknown({ description: "What was changed, without secrets", examples: [{ name: "Editors" }] }),
    created_at: t.String({ format: "date-time" }),
  },
  { description: "One administrative change" },
)

export function addAudit(app: CoreApp, { core: { audit } }: HttpContext): void {
  app.get(
    "/api/v2/admin/audit",
    async ({ user, query, request }) => toPageOf(request, await audit.list(user, query), query),
    {
      query: t.Object(pageQuery),
      response: pageSchema(record),
      detail: { tags: ["audit"], summary: "Administrative changes, newest first; admins only" },
    },
  )
}
