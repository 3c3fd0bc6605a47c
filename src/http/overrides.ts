import { t } from "@pagoda/sdk"
import { requireAdmin } from "../core/access/require-admin.ts"
import { type OverrideBinding, operationSchema, overrideBody, overrideOperations } from "../core/overrides.ts"
import { type Issue, PagodaError } from "../errors.ts"
import type { PluginRecord } from "../plugins/record.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"
import { idSchema } from "./entity-schema.ts"

const tags = ["admin"]
const path = "/api/v2/admin/entities/:id/override"
const params = t.Object({ id: idSchema })
const query = t.Object({
  plugin: t.Optional(
    t.String({
      maxLength: 100,
      pattern: "^[a-z0-9_-]+$",
      description: "That one's alone, where the entity's operations are bound to several plugins",
    }),
  ),
})

const example = { plugin: "server-names", operations: ["create", "update"], params: { prefix: "srv" } }

const binding = {
  plugin: t.String(),
  operations: t.Array(operationSchema),
  params: t.Record(t.String(), t.Unknown(), { description: "Handed to the plugin's overrides as they are" }),
}

const response = t.Object(
  {
    ...binding,
    others: t.Array(t.Object(binding), { description: "What of the entity is bound to other plugins" }),
  },
  { description: "Who answers an entity's operations", examples: [{ ...example, others: [] }] },
)

export function addOverrides(app: CoreApp, { core: { overrides }, plugins }: HttpContext): void {
  app.get(
    path,
    async ({ user, params: { id }, query: { plugin } }) => toAnswer(id, await overrides.list(user, id), plugin),
    {
      params,
      query,
      response,
      detail: { tags, summary: "Which operations of an entity are bound to a plugin", description: "Admins only." },
    },
  )

  app.put(
    path,
    async ({ user, params: { id }, body }) => {
      requireAdmin(user, "bind the operations of an entity")
      refuseUnable(body, (plugin) => plugins.get(plugin))
      const { plugin } = await overrides.bind(user, id, body)
      return toAnswer(id, await overrides.list(user, id), plugin)
    },
    {
      params,
      body: documented({ ...overrideBody, examples: [example] }),
      response,
      detail: {
        tags,
        summary: "Binds operations of an entity to a plugin's overrides",
        description:
          "Replaces what the plugin had of the entity, at once. An operation that is bound to another plugin is a conflict (409). While the plugin is not active the standard operations answer. Admins only.",
      },
    },
  )

  app.delete(
    path,
    async ({ user, params: { id }, query: { plugin }, set }) => {
      await overrides.unbind(user, id, plugin)
      set.status = 204
    },
    {
      params,
      query,
      response: { 204: t.Void() },
      detail: { tags, summary: "Gives the operations of an entity back to the standard", description: "Admins only." },
    },
  )
}

function toAnswer(id: number, all: OverrideBinding[], plugin = all[0]?.plugin) {
  const found = all.find((one) => one.plugin === plugin)
  if (!found) {
    const whose = plugin === undefined ? "a plugin" : `plugin "${plugin}"`
    throw new PagodaError("NOT_FOUND", `Nothing of entity "${id}" is bound to ${whose}`)
  }
  return { ...toShown(found), others: all.filter((one) => one !== found).map(toShown) }
}

function toShown({ params, ...rest }: OverrideBinding) {
  return { ...rest, params: params as { [name: string]: unknown } }
}

/** What only the plugins know; the shape of the body is the core's to check. */
function refuseUnable(body: unknown, find: (plugin: string) => PluginRecord | undefined): void {
  const { plugin, operations } = (body ?? {}) as { plugin?: unknown; operations?: unknown }
  if (typeof plugin !== "string") return
  const record = find(plugin)
  const issues: Issue[] = []
  if (!record) issues.push({ path: "plugin", message: `there is no plugin "${plugin}"`, code: "PLUGIN_UNKNOWN" })
  else if (record.state === "active" && Array.isArray(operations)) {
    for (const [index, operation] of operations.entries()) {
      if (record.overrides.includes(operation) || !(overrideOperations as unknown[]).includes(operation)) continue
      const able = record.overrides.length > 0 ? record.overrides.map((one) => `"${one}"`).join(", ") : "nothing"
      const message = `plugin "${plugin}" does not override "${operation}", it overrides ${able}`
      issues.push({ path: `operations.${index}`, message, code: "OPERATION_UNKNOWN" })
    }
  }
  if (issues.length === 0) return
  const why = issues.map(({ message }) => message).join("; ")
  throw new PagodaError("VALIDATION_FAILED", `Cannot bind the operations of the entity: ${why}`, { issues })
}
