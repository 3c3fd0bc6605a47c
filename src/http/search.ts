import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { entrySchema } from "./entry-schema.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const query = t.Object({
  q: t.String({
    minLength: 1,
    maxLength: 1000,
    description: "What to look for, in any letter case",
    examples: ["web"],
  }),
  ...pageQuery,
})

export function addSearch(app: CoreApp, { core: { entryLists } }: HttpContext): void {
  app.get(
    "/api/v2/search",
    async ({ user, query, request }) => toPageOf(request, await entryLists.search(user, query.q, query), query),
    {
      query,
      response: pageSchema(entrySchema),
      detail: {
        tags: ["search"],
        summary: "The active entries with a text in their name or in a value",
        description: "Those with it in their name come first, then by name. Nothing is found by what you may not read.",
      },
    },
  )
}
