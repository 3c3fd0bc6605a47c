import { t } from "@pagoda/sdk"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"
import { userSchema } from "./user.ts"

const tags = ["users"]
const base = "/api/v2/users"
const strict = { additionalProperties: false }
const params = t.Object({ id: t.String({ examples: ["0198f1c2-7d3e-7a10-8c55-3f1d2b4a6e90"] }) })

const fields = {
  email: t.Optional(t.Union([t.String({ examples: ["ana@example.org"] }), t.Null()])),
  is_admin: t.Optional(t.Boolean({ description: "May do everything" })),
  is_readonly: t.Optional(t.Boolean({ description: "Reads what the access rules allow and never writes" })),
}
const username = t.String({ description: '1 to 100 letters, digits and ". _ @ + -"', examples: ["ana"] })
const password = t.String({ description: "8 to 1024 characters; taken, never given", examples: ["correct horse"] })
const newcomer = { username: "ana", password: "correct horse", email: "ana@example.org" }
const is_active = t.Boolean({ description: "false: cannot log in; sessions and tokens are refused at once" })

export function addUsers(app: CoreApp, { core: { people } }: HttpContext): void {
  app.get(base, async ({ user, query, request }) => toPageOf(request, await people.list(user, query), query), {
    query: t.Object(pageQuery),
    response: pageSchema(userSchema),
    detail: { tags, summary: "All users, oldest first; admins only" },
  })

  app.post(base, async ({ user, body, status }) => status(201, await people.create(user, body)), {
    body: documented(t.Object({ username, password, ...fields }, { ...strict, examples: [newcomer] })),
    response: { 201: userSchema },
    detail: { tags, summary: "Makes a user; admins only" },
  })

  app.get(`${base}/:id`, ({ user, params: { id } }) => people.get(user, id), {
    params,
    response: userSchema,
    detail: { tags, summary: "One user; admins only" },
  })

  app.patch(`${base}/:id`, ({ user, params: { id }, body }) => people.update(user, id, body), {
    params,
    body: documented(
      t.Object(
        { username: t.Optional(username), password: t.Optional(password), is_active: t.Optional(is_active), ...fields },
        { ...strict, examples: [{ email: "ana@example.org", is_readonly: true }] },
      ),
    ),
    response: userSchema,
    detail: {
      tags,
      summary: "Changes a user; admins only",
      description: "A new password ends the user's sessions. The last admin who may write stays one (409).",
    },
  })

  app.delete(
    `${base}/:id`,
    async ({ user, params: { id }, set }) => {
      await people.delete(user, id)
      set.status = 204
    },
    {
      params,
      response: { 204: t.Void() },
      detail: {
        tags,
        summary: "Deletes a user; admins only",
        description:
          "Sessions, tokens and memberships go too; history keeps the name. Nobody deletes himself, nor the last admin (409).",
      },
    },
  )
}
