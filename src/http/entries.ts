import { t } from "@pagoda/sdk"
import type { TSchema } from "@sinclair/typebox"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"
import { entrySchema, versionSchema } from "./entry-schema.ts"
import { ifMatchHeaders, toVersion } from "./if-match.ts"
import { findOverride, mayBeOverridden } from "./override-answer.ts"
import { pageQuery, pageSchema, toPageOf } from "./page.ts"

const tags = ["entries"]
const params = t.Object({ id: t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })
const headers = ifMatchHeaders

const name = t.String({ minLength: 1, maxLength: 200, description: "Unique among the active entries of the entity" })
const attrs = t.Record(t.String(), t.Unknown(), { description: "Attribute name → value" })
const closed = { additionalProperties: false }

const newEntry = t.Object(
  { name, attrs: t.Optional(attrs) },
  { ...closed, examples: [{ name: "srv-1", attrs: { cpu: 8, state: "live" } }] },
)
const changes = t.Object(
  { name: t.Optional(name), attrs: t.Optional(attrs) },
  { ...closed, examples: [{ attrs: { cpu: 16 } }] },
)
const copies = t.Object(
  { names: t.Array(name, { minItems: 1, maxItems: 100 }) },
  { ...closed, examples: [{ names: ["srv-2", "srv-3"] }] },
)

/** Those of one entry, and what makes one. */
export function addEntries(app: CoreApp, { core }: HttpContext): void {
  const { entries } = core

  app.post(
    "/api/v2/entities/:id/entries",
    async ({ user, params: { id }, body, status }) => {
      const answer = await findOverride(core, { user, operation: "create", target: { entity: id }, data: body })
      return answer ?? status(201, await entries.create(user, id, body))
    },
    {
      params,
      body: documented(newEntry),
      response: { 201: entrySchema },
      detail: {
        tags,
        summary: "Makes an entry of the entity",
        description: `Attributes that are left out get their default. Needs \`writable\` on the entity. ${mayBeOverridden}`,
      },
    },
  )

  app.get(
    "/api/v2/entries/:id",
    async ({ user, params: { id } }) => {
      const answer = await findOverride(core, { user, operation: "retrieve", target: { entry: id } })
      if (answer) return answer as never
      return entries.get(user, id)
    },
    {
      params,
      response: entrySchema,
      detail: { tags, summary: "One entry, a deleted one too", description: mayBeOverridden },
    },
  )

  app.patch(
    "/api/v2/entries/:id",
    async ({ user, params: { id }, body, headers }) => {
      const version = toVersion(headers)
      const answer = await findOverride(core, { user, operation: "update", target: { entry: id }, data: body })
      if (answer) return answer as never
      return entries.update(user, id, body, { version })
    },
    {
      params,
      headers,
      body: documented(changes),
      response: entrySchema,
      detail: {
        tags,
        summary: "Changes an entry",
        description: `Merges the attributes that are named. Equal values make no version. With \`If-Match\` it is refused where the entry is not at that version any more. ${mayBeOverridden}`,
      },
    },
  )

  app.delete(
    "/api/v2/entries/:id",
    async ({ user, params: { id }, headers, set }) => {
      const version = toVersion(headers)
      const answer = await findOverride(core, { user, operation: "delete", target: { entry: id } })
      if (answer) return answer as never
      await entries.delete(user, id, { version })
      set.status = 204
    },
    {
      params,
      headers,
      response: { 204: t.Void() },
      detail: {
        tags,
        summary: "Deletes an entry",
        description: `It can be restored; its name is free at once. ${mayBeOverridden}`,
      },
    },
  )

  app.post("/api/v2/entries/:id/restore", ({ user, params: { id } }) => entries.restore(user, id), {
    params,
    response: entrySchema,
    detail: { tags, summary: "Restores a deleted entry", description: "Under its old name, where that is still free." },
  })

  app.post(
    "/api/v2/entries/:id/copy",
    async ({ user, params: { id }, body, status }) => status(201, await entries.copy(user, id, body)),
    {
      params,
      body: documented(copies),
      response: { 201: t.Array(entrySchema) },
      detail: {
        tags,
        summary: "Copies an entry under each of the names",
        description:
          "All or none. Attributes that the caller may not read are not copied; the access rule of the entry is.",
      },
    },
  )

  const addPage = (of: "history" | "referrals", item: TSchema, summary: string) =>
    app.get(
      `/api/v2/entries/:id/${of}`,
      async ({ user, params: { id }, query, request }) =>
        toPageOf<unknown>(request, await entries[of](user, id, query), query),
      { params, query: t.Object(pageQuery), response: pageSchema(item), detail: { tags, summary } },
    )
  addPage("history", versionSchema, "The versions of an entry, newest first")
  addPage("referrals", entrySchema, "The active entries that refer to this one")
}
