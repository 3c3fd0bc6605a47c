import { t } from "@pagoda/sdk"
import { limitsBody } from "../plugins/limit-settings.ts"
import { limitNames } from "../plugins/limits.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"

const setting = t.Object({
  value: t.Integer(),
  standard: t.Integer({ description: "What it is where nobody set it" }),
  refused: t.Integer({ description: "How often it refused something in the answering process" }),
})
const limits = t.Object(Object.fromEntries(limitNames.map((name) => [name, setting])), {
  description: "What the plugin may use in one process; beyond it is refused",
})
const params = t.Object({ id: t.String() })
const tags = ["admin"]

export function addPluginLimits(app: CoreApp, { limits: settings }: HttpContext): void {
  app.get("/api/v2/admin/plugins/:id/limits", ({ user, params: { id } }) => settings.get(user, id), {
    params,
    response: limits,
    detail: { tags, summary: "The limits of a plugin; admins only" },
  })

  app.patch("/api/v2/admin/plugins/:id/limits", ({ user, params: { id }, body }) => settings.change(user, id, body), {
    params,
    body: documented({ ...limitsBody, examples: [{ jobs_per_minute: 6_000, route_ms: null }] }),
    response: limits,
    detail: { tags, summary: "Changes limits of a plugin, at once on every replica; null is the standard again" },
  })
}
