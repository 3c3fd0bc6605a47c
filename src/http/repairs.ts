import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const repairSchema = t.Object(
  {
    id: t.Integer(),
    plugin: t.Union([t.String(), t.Null()], { examples: ["hello-world-plugin"] }),
    code: t.String({ examples: ["INTEGRITY_MISMATCH"] }),
    severity: t.Union([t.Literal("info"), t.Literal("warning"), t.Literal("error")]),
    message: t.String({ description: "What is wrong, and why" }),
    mend: t.String({
      description: "The command or the call that mends it",
      examples: ["pagoda plugin enable hello-world-plugin"],
    }),
    count: t.Integer({ description: "How many times it was reported" }),
    since: t.String({ format: "date-time" }),
    last_seen: t.String({ format: "date-time" }),
    resolved_at: t.Union([t.String({ format: "date-time" }), t.Null()]),
    resolved_by: t.Union([t.String(), t.Null()], {
      description: "The name of who said so; null where it is open, or was over by itself",
    }),
  },
  { description: "What needs an administrator; of a plugin and code at most one is open" },
)

const tags = ["admin"]

export function addRepairs(app: CoreApp, { repairs }: HttpContext): void {
  app.get(
    "/api/v2/admin/repairs",
    async ({ user, query, request }) => {
      const page = await repairs.list(user, { ...query, resolved: query.resolved === "true" })
      return toPageOf(request, page, query)
    },
    {
      query: t.Object({
        ...pageQuery,
        resolved: t.Optional(
          t.Union([t.Literal("true"), t.Literal("false")], {
            description: "true: those that are over, of the last 90 days, in place of the open ones",
          }),
        ),
      }),
      response: pageSchema(repairSchema),
      detail: {
        tags,
        summary: "What needs an administrator, and what mends it; newest first, admins only",
        description: "Each goes away by itself when its cause is gone.",
      },
    },
  )

  app.post("/api/v2/admin/repairs/:id/resolve", ({ user, params: { id } }) => repairs.settle(user, id), {
    params: t.Object({ id: t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
    response: repairSchema,
    detail: {
      tags,
      summary: "Says that one is dealt with; admins only",
      description: "It comes back when its cause is seen again.",
    },
  })
}
