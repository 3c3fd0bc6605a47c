import { t } from "@pagoda/sdk"
import { PagodaError } from "../errors.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"

const tags = ["admin"]
const path = "/api/v2/admin/plugins/:id/settings"
const params = t.Object({ id: t.String({ description: "Of a plugin of the lockfile" }) })

const settingsSchema = t.Record(t.String(), t.Unknown(), {
  description:
    'Every setting that the plugin declares, by its name, with its value or its default; `null`: it has neither. Of a secret one only whether it is set: `{"is_set": true}`.',
  examples: [{ GREETING: "Hello", API_KEY: { is_set: true } }],
})

const changesSchema = t.Record(t.String(), t.Unknown(), {
  description: "Settings to change, by their names; `null` returns one to its default. Those left out stay.",
  examples: [{ GREETING: "Good morning", API_KEY: null }],
})

export function addPluginSettings(app: CoreApp, { plugins, settings }: HttpContext): void {
  const refuseUnknown = (id: string) => {
    if (!plugins.get(id)) throw new PagodaError("NOT_FOUND", `There is no plugin "${id}"`)
  }
  const refuseOthers = (isAdmin: boolean, id: string) => {
    if (!isAdmin) throw new PagodaError("FORBIDDEN", `Cannot use the settings of plugin "${id}": only an admin may`)
  }

  app.get(
    path,
    ({ user, params: { id } }) => {
      refuseOthers(user.is_admin, id)
      refuseUnknown(id)
      return settings.read(user, id)
    },
    {
      params,
      response: settingsSchema,
      detail: {
        tags,
        summary: "The settings of a plugin",
        description: "Admins only. One that was not loaded since the host started has none that are known (409).",
      },
    },
  )

  app.patch(
    path,
    ({ user, params: { id }, body }) => {
      refuseOthers(user.is_admin, id)
      refuseUnknown(id)
      return settings.change(user, id, body)
    },
    {
      params,
      body: documented(changesSchema),
      response: settingsSchema,
      detail: {
        tags,
        summary: "Changes settings of a plugin",
        description:
          "Admins only. All or nothing is stored, checked against the plugin's schema (422, with every problem). It takes effect at once on every replica, without a restart; the audit names the settings, never their values.",
      },
    },
  )
}
