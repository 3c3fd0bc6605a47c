import { t } from "@pagoda/sdk"
import type { ObjectType } from "../core/access.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"

const tags = ["access"]
const id = t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const params = t.Object({ id })
const level = t.Union([t.Literal("nothing"), t.Literal("readable"), t.Literal("writable"), t.Literal("full")], {
  description: "Each level grants those before it",
})
const strict = { additionalProperties: false }

const acl = t.Object(
  {
    is_public: t.Boolean({ description: "true: everyone has every level" }),
    default_permission: level,
    roles: t.Array(t.Object({ role_id: id, level }, strict), { description: "Each role at most once" }),
  },
  {
    ...strict,
    description: "Who may do what, by the object's own rule; what is above it has to grant the level too",
    examples: [{ is_public: false, default_permission: "readable", roles: [{ role_id: 1, level: "full" }] }],
  },
)

const objects: [type: ObjectType, path: string, title: string][] = [
  ["entity", "/api/v2/entities/:id/acl", "an entity"],
  ["attribute", "/api/v2/attributes/:id/acl", "an attribute"],
  ["entry", "/api/v2/entries/:id/acl", "an entry"],
]

export function addAcl(app: CoreApp, { core: { acls } }: HttpContext): void {
  for (const [type, path, title] of objects) {
    app.get(path, ({ user, params: { id } }) => acls.get(user, type, id), {
      params,
      response: acl,
      detail: { tags, summary: `Who may do what with ${title}`, description: 'Admins, and who has "full" on it.' },
    })

    app.put(path, ({ user, params: { id }, body }) => acls.set(user, type, id, body), {
      params,
      body: documented(acl),
      response: acl,
      detail: {
        tags,
        summary: `Sets who may do what with ${title}`,
        description:
          'Replaces all of it. Admins set anything; anyone else needs "full" on it, and has to leave it to a role, the default or the public (422).',
      },
    })
  }
}
