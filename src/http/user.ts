import { t } from "@pagoda/sdk"

const example = {
  id: "0198f1c2-7d3e-7a10-8c55-3f1d2b4a6e90",
  username: "ana",
  email: "ana@example.org",
  is_admin: false,
  is_readonly: false,
  is_active: true,
}

export const userSchema = t.Object(
  {
    id: t.String(),
    username: t.String(),
    email: t.Union([t.String(), t.Null()]),
    is_admin: t.Boolean({ description: "May do everything" }),
    is_readonly: t.Boolean({ description: "Reads what the access rules allow and never writes" }),
    is_active: t.Boolean({ description: "false: cannot log in; tokens are refused" }),
  },
  { description: "Somebody who may log in", examples: [example] },
)
