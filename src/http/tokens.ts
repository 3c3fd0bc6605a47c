import { t } from "@pagoda/sdk"
import { parseBody } from "../core/body.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"
import { pageQuery, pageSchema, toPage } from "./page.ts"

const tags = ["tokens"]

const token = {
  id: t.String(),
  name: t.String(),
  created_at: t.String({ format: "date-time" }),
  expires_at: t.Union([t.String({ format: "date-time" }), t.Null()]),
}

const newToken = t.Object({ name: t.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false })

export function addTokens(app: CoreApp, { accounts: { tokens } }: HttpContext): void {
  app.get("/api/v2/tokens", async ({ user, query, request }) => toPage(request, await tokens.list(user), query), {
    query: t.Object(pageQuery),
    response: pageSchema(t.Object(token)),
    detail: { tags, summary: "Your tokens, without their values" },
  })

  app.post(
    "/api/v2/tokens",
    async ({ user, body, set, status }) => {
      set.headers["cache-control"] = "no-store"
      return status(201, await tokens.create(user, parseBody("make the token", newToken, body)))
    },
    {
      body: documented(newToken),
      response: { 201: t.Object({ ...token, token: t.String({ description: "The value: shown this once" }) }) },
      detail: { tags, summary: "Makes a token" },
    },
  )

  app.delete(
    "/api/v2/tokens/:id",
    async ({ user, params, set }) => {
      await tokens.revoke(user, params.id)
      set.status = 204
    },
    {
      params: t.Object({ id: t.String() }),
      response: { 204: t.Void() },
      detail: { tags, summary: "Revokes a token; an admin may revoke anyone's" },
    },
  )
}
