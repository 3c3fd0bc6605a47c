import { t, type User } from "@pagoda/sdk"
import { requireAdminWriter } from "../core/access/require-admin.ts"
import { PagodaError } from "../errors.ts"
import type { PluginRecord } from "../plugins/record.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { pageQuery, pageSchema, toPage } from "./page.ts"

const tags = ["plugins"]

const failure = t.Object({
  step: t.String(),
  code: t.String(),
  message: t.String(),
  at: t.String({ format: "date-time" }),
})

const hook = t.Object(
  {
    name: t.String(),
    entity: t.Union([t.String(), t.Null()], { description: "The one entity that it is for" }),
    priority: t.Number({ description: "Lower runs first" }),
    durable: t.Boolean(),
    calls: t.Integer(),
    failures: t.Integer({ description: "It threw, or what it returned does not fit" }),
    rejections: t.Integer({ description: "It refused a write" }),
    timeouts: t.Integer(),
  },
  { description: "Counts are those of the answering process since the plugin was loaded" },
)

const plugin = t.Object(
  {
    id: t.String(),
    name: t.String(),
    version: t.String(),
    description: t.String(),
    author: t.String(),
    state: t.Union([t.Literal("active"), t.Literal("disabled"), t.Literal("failed"), t.Literal("quarantined")]),
    source: t.Optional(t.String({ description: "Admins only" })),
    integrity: t.Union([t.String(), t.Null()]),
    permissions: t.Array(t.String()),
    isolation: t.Union([t.Literal("in-process"), t.Literal("process")]),
    routes: t.Array(t.Object({ method: t.String(), path: t.String(), auth: t.Boolean() })),
    hooks: t.Array(hook),
    jobs: t.Array(t.Object({ number: t.Integer(), name: t.String() })),
    overrides: t.Array(t.String()),
    settings_schema: t.Optional(
      t.Union([t.Object({}, { additionalProperties: true }), t.Null()], { description: "Admins only" }),
    ),
    dependencies: t.Record(t.String(), t.String()),
    reason: t.Optional(t.String({ description: "Why it is disabled" })),
    error: t.Optional(failure),
    load_ms: t.Number(),
  },
  { description: "A plugin of the lockfile" },
)

const params = t.Object({ id: t.String() })

export function addPlugins(app: CoreApp, { plugins, syncPlugins }: HttpContext): void {
  app.get(
    "/api/v2/plugins",
    ({ user, query, request }) => {
      const page = toPage(request, plugins.list(), query)
      return { ...page, results: page.results.map((record) => toVisible(record, user)) }
    },
    {
      query: t.Object(pageQuery),
      response: pageSchema(plugin),
      detail: { tags, summary: "The plugins of the lockfile" },
    },
  )

  app.get(
    "/api/v2/plugins/:id",
    ({ user, params: { id } }) => {
      const record = plugins.get(id)
      if (!record) throw new PagodaError("NOT_FOUND", `There is no plugin "${id}"`)
      return toVisible(record, user)
    },
    { params, response: plugin, detail: { tags, summary: "One plugin" } },
  )

  for (const [verb, enabled, summary] of switches) {
    app.post(
      `/api/v2/admin/plugins/:id/${verb}`,
      async ({ user, params: { id }, body }) => {
        requireWritingAdmin(user, `${verb} plugin "${id}"`)
        return toVisible(await plugins.setEnabled(id, enabled, { by: user, force: body?.force }), user)
      },
      { params, body: t.Optional(switchBody), response: plugin, detail: { tags: ["admin"], summary } },
    )
  }

  app.post(
    "/api/v2/admin/plugins/sync",
    async ({ user, request, query }) => {
      requireWritingAdmin(user, "read the lockfile again")
      await syncPlugins()
      const page = toPage(request, plugins.list(), query)
      return { ...page, results: page.results.map((record) => toVisible(record, user)) }
    },
    {
      query: t.Object(pageQuery),
      response: pageSchema(plugin),
      detail: { tags: ["admin"], summary: "Reads the lockfile again; answers what became of its plugins" },
    },
  )
}

const switchBody = t.Object({
  force: t.Optional(t.Boolean({ description: "When one is disabled: those that need it are too" })),
})

function requireWritingAdmin(user: User, what: string): void {
  requireAdminWriter(user, what)
}

const switches = [
  ["enable", true, "Enables a plugin"],
  ["disable", false, "Disables a plugin; its data stays"],
] as const

/** Where code comes from, how it failed and what it may be told is for admins alone. */
function toVisible({ required: _, ...record }: PluginRecord, user: User) {
  if (user.is_admin) return record
  const { source, error, settings_schema, ...visible } = record
  return visible
}
