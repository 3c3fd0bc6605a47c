import { t } from "@pagoda/sdk"

export const userSchema = t.Object(
  {
    id: t.String(),
    username: t.String(),
    email: t.Union([t.String(), t.Null()]),
    is_admin: t.Boolean(),
    is_readonly: t.Boolean(),
    is_active: t.Boolean(),
  },
  { description: "Somebody who may log in" },
)
