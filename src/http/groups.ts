import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const tags = ["groups"]
const base = "/api/v2/groups"
const id = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const params = t.Object({ id })

const name = t.String({ minLength: 1, maxLength: 200, examples: ["Operators"] })
const parent = t.Union([id, t.Null()], { description: "The group it is below; its roles are this one's too" })
const members = t.Array(t.String(), {
  description: "Ids of users",
  uniqueItems: true,
  examples: [["0198f1c2-7d3e-7a10-8c55-3f1d2b4a6e90"]],
})

const group = t.Object(
  { id, name, parent_group_id: parent, members },
  { description: "Users; a role of the group is a role of all of them, and of those of its child groups" },
)
const changes = {
  parent_group_id: t.Optional(parent),
  members: t.Optional(members),
}
const strict = { additionalProperties: false }

export function addGroups(app: CoreApp, { core: { groups } }: HttpContext): void {
  app.get(base, async ({ user, query, request }) => toPageOf(request, await groups.list(user, query), query), {
    query: t.Object(pageQuery),
    response: pageSchema(group),
    detail: { tags, summary: "All groups, oldest first; admins only" },
  })

  app.post(base, async ({ user, body, status }) => status(201, await groups.create(user, body)), {
    body: documented(t.Object({ name, ...changes }, { ...strict, examples: [{ name: "Operators", members: [] }] })),
    response: { 201: group },
    detail: { tags, summary: "Makes a group; admins only" },
  })

  app.get(`${base}/:id`, ({ user, params: { id } }) => groups.get(user, id), {
    params,
    response: group,
    detail: { tags, summary: "One group; admins only" },
  })

  app.patch(`${base}/:id`, ({ user, params: { id }, body }) => groups.update(user, id, body), {
    params,
    body: documented(
      t.Object({ name: t.Optional(name), ...changes }, { ...strict, examples: [{ name: "Operators" }] }),
    ),
    response: group,
    detail: {
      tags,
      summary: "Changes a group; admins only",
      description: "Fields that are left out stay; members are replaced. A group is never below itself (422).",
    },
  })

  app.delete(
    `${base}/:id`,
    async ({ user, params: { id }, set }) => {
      await groups.delete(user, id)
      set.status = 204
    },
    {
      params,
      response: { 204: t.Void() },
      detail: {
        tags,
        summary: "Deletes a group; admins only",
        description: "One that has child groups, or that a live entry refers to, stays (409).",
      },
    },
  )
}
