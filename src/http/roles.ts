import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const tags = ["roles"]
const base = "/api/v2/roles"
const id = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const params = t.Object({ id })

const name = t.String({ minLength: 1, maxLength: 200, examples: ["Editors"] })
const description = t.String({ description: "At most 65 536 bytes", examples: ["May change what the shop shows"] })
const users = (text: string) =>
  t.Array(t.String(), { description: text, uniqueItems: true, examples: [["0198f1c2-7d3e-7a10-8c55-3f1d2b4a6e90"]] })
const groups = (text: string) => t.Array(id, { description: text, uniqueItems: true, examples: [[1]] })
const members = {
  users: users("Ids of users who have it"),
  groups: groups("Ids of groups: their members have it, and those of their child groups"),
  admin_users: users("Ids of users who may edit it"),
  admin_groups: groups("Ids of groups whose members may edit it"),
}

const role = t.Object(
  { id, name, description, ...members },
  { description: "What grants levels on entities, attributes and entries" },
)
const changes = {
  description: t.Optional(description),
  users: t.Optional(members.users),
  groups: t.Optional(members.groups),
  admin_users: t.Optional(members.admin_users),
  admin_groups: t.Optional(members.admin_groups),
}
const strict = { additionalProperties: false }
const example = { name: "Editors", description: "May change what the shop shows", users: [], groups: [] }

export function addRoles(app: CoreApp, { core: { roles } }: HttpContext): void {
  app.get(base, async ({ user, query, request }) => toPageOf(request, await roles.list(user, query), query), {
    query: t.Object(pageQuery),
    response: pageSchema(role),
    detail: { tags, summary: "All roles for admins, else those that you may edit, oldest first" },
  })

  app.post(base, async ({ user, body, status }) => status(201, await roles.create(user, body)), {
    body: documented(t.Object({ name, ...changes }, { ...strict, examples: [example] })),
    response: { 201: role },
    detail: { tags, summary: "Makes a role; admins only" },
  })

  app.get(`${base}/:id`, ({ user, params: { id } }) => roles.get(user, id), {
    params,
    response: role,
    detail: { tags, summary: "One role; admins and its own admins only" },
  })

  app.patch(`${base}/:id`, ({ user, params: { id }, body }) => roles.update(user, id, body), {
    params,
    body: documented(t.Object({ name: t.Optional(name), ...changes }, { ...strict, examples: [{ name: "Editors" }] })),
    response: role,
    detail: {
      tags,
      summary: "Changes a role; admins and its own admins only",
      description: "Fields that are left out stay; each list that is given replaces the one there was.",
    },
  })

  app.delete(
    `${base}/:id`,
    async ({ user, params: { id }, set }) => {
      await roles.delete(user, id)
      set.status = 204
    },
    {
      params,
      response: { 204: t.Void() },
      detail: {
        tags,
        summary: "Deletes a role; admins only",
        description: "What it granted is granted no more. One that a live entry refers to stays (409).",
      },
    },
  )
}
