import { t } from "@pagoda/sdk"
import { operators } from "../core/lists/filters.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { idSchema } from "./entity-schema.ts"
import { entrySchema } from "./entry-schema.ts"
import { parseFilterQuery } from "./filter-query.ts"
import { findOverride, mayBeOverridden } from "./override-answer.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const tags = ["entries"]
const params = t.Object({ id: idSchema })

const query = {
  ...pageQuery,
  search: t.Optional(
    t.String({
      maxLength: 1000,
      description: "A part of the name or of a value, in any letter case",
      examples: ["web"],
    }),
  ),
  ordering: t.Optional(
    t.String({
      description:
        "`name`, `id`, `created_at`, `updated_at` or an attribute of one value; `-` before it: from the greatest down; more after commas. What has no value comes last. By id when left out",
      examples: ["-name"],
    }),
  ),
  is_active: t.Optional(
    t.Union([t.Literal("true"), t.Literal("false"), t.Literal("all")], {
      description: "Deleted ones: false; both: all. Active ones when left out",
    }),
  ),
}

const everywhere = t.Object({
  entity: t.Optional(
    t.String({ description: "The id or the name of an entity: filters and ordering by attribute need it" }),
  ),
  ...query,
})

const description = [
  `\`filter[attribute]=value\` and \`filter[attribute][operator]=value\` with the operators ${operators.map((name) => `\`${name}\``).join(", ")}; every one has to hold.`,
  "`in` takes values between commas, or a JSON array; `isnull` takes `true` or `false`; `contains` finds a part of a text, in any letter case.",
  "Other texts are compared as they are, in the order of code points; references by id. Of an array, one item has to fit.",
  "`ne` also finds what has no value. `id`, `name`, `created_at` and `updated_at` are filtered the same way where no attribute is called so.",
].join(" ")

/** Lists of entries: of one entity, and of all. */
export function addEntryLists(app: CoreApp, { core }: HttpContext): void {
  const { entryLists } = core

  app.get(
    "/api/v2/entities/:id/entries",
    async ({ user, params: { id }, query, request }) => {
      const filter = parseFilterQuery(request.url)
      const data = { ...query, filter }
      const answer = await findOverride(core, { user, operation: "list", target: { entity: id }, data })
      if (answer) return answer as never
      return toPageOf(request, await entryLists.list(user, { ...toQuery(query), entity: id, filter }), query)
    },
    {
      params,
      query: t.Object(query),
      response: pageSchema(entrySchema),
      detail: {
        tags,
        summary: "The entries of an entity that you may read",
        description: `${description} ${mayBeOverridden}`,
      },
    },
  )

  app.get(
    "/api/v2/entries",
    async ({ user, query, request }) => {
      const filter = parseFilterQuery(request.url)
      const entity = toEntity(query.entity)
      return toPageOf(request, await entryLists.list(user, { ...toQuery(query), entity, filter }), query)
    },
    {
      query: everywhere,
      response: pageSchema(entrySchema),
      detail: { tags, summary: "The entries that you may read", description },
    },
  )
}

type Given = { limit: number; offset: number; search?: string; ordering?: string; is_active?: "true" | "false" | "all" }

function toQuery({ limit, offset, search, ordering, is_active = "true" }: Given) {
  return { limit, offset, search, ordering, is_active: is_active === "all" ? ("all" as const) : is_active === "true" }
}

/** Digits are an id. */
function toEntity(text: string | undefined): number | string | undefined {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : text
}
