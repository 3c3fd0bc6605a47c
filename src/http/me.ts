import type { CoreApp } from "./core.ts"
import { userSchema } from "./user.ts"

export function addMe(app: CoreApp): void {
  app.get("/api/v2/me", ({ user }) => user, {
    response: userSchema,
    detail: { tags: ["auth"], summary: "Who you are" },
  })
}
