import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"
import { entityChangesSchema, entitySchema, idSchema, newEntitySchema } from "./entity-schema.ts"
import { ifMatchHeaders, toVersion } from "./if-match.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const tags = ["entities"]
const base = "/api/v2/entities"
const params = t.Object({ id: idSchema })
const query = t.Object({
  ...pageQuery,
  search: t.Optional(t.String({ description: "A part of the name, in any letter case", examples: ["serv"] })),
  is_active: t.Optional(
    t.Union([t.Literal("true"), t.Literal("false"), t.Literal("all")], {
      description: "Deleted ones: false; both: all. Active ones when left out",
    }),
  ),
})

export function addEntities(app: CoreApp, { core: { entities } }: HttpContext): void {
  app.get(
    base,
    async ({ user, query, request }) => {
      const { is_active = "true" } = query
      const wanted = { ...query, is_active: is_active === "all" ? ("all" as const) : is_active === "true" }
      return toPageOf(request, await entities.list(user, wanted), query)
    },
    {
      query,
      response: pageSchema(entitySchema),
      detail: { tags, summary: "Entities that you may read, by name" },
    },
  )

  app.post(base, async ({ user, body, status }) => status(201, await entities.create(user, body)), {
    body: documented(newEntitySchema),
    response: { 201: entitySchema },
    detail: {
      tags,
      summary: "Makes an entity",
      description:
        "Anyone may who is not read-only. Unless an admin makes it, it has to be public or full by default (422): nobody could change it otherwise.",
    },
  })

  app.get(`${base}/:id`, ({ user, params: { id } }) => entities.get(user, id), {
    params,
    response: entitySchema,
    detail: { tags, summary: "One entity, also after it was deleted" },
  })

  app.patch(
    `${base}/:id`,
    ({ user, params: { id }, body, headers }) => entities.update(user, id, body, { version: toVersion(headers) }),
    {
      params,
      headers: ifMatchHeaders,
      body: documented(entityChangesSchema),
      response: entitySchema,
      detail: {
        tags,
        summary: "Changes an entity",
        description:
          "Needs writable. Fields and attributes that are left out stay. A removed attribute takes its values with it; the type of one that entries have values of cannot be changed (422). Access is changed at /api/v2/entities/:id/acl.",
      },
    },
  )

  app.delete(
    `${base}/:id`,
    async ({ user, params: { id }, headers, set }) => {
      await entities.delete(user, id, { version: toVersion(headers) })
      set.status = 204
    },
    {
      params,
      headers: ifMatchHeaders,
      response: { 204: t.Void() },
      detail: {
        tags,
        summary: "Deletes an entity",
        description: "Needs full. One that has entries stays (409). Its name is free again.",
      },
    },
  )
}
