import { t } from "@pagoda/sdk"

export const jobParams = t.Object({ id: t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })

const flag = (description: string) => t.Optional(t.Union([t.Literal("true"), t.Literal("false")], { description }))
export const jobListFlags = {
  all_users: flag("Everyone's jobs; admins only, ignored for others"),
  hidden: flag("Those that are hidden as well, such as the hourly ones of the core"),
}
