import { t } from "@pagoda/sdk"
import { sessionCookie, sessionSeconds } from "../core/accounts/credential.ts"
import { parseBody } from "../core/body.ts"
import type { CoreApp, HttpContext } from "./core.ts"
import { documented } from "./documented.ts"
import { userSchema } from "./user.ts"

const tags = ["auth"]

const credentials = t.Object(
  { username: t.String({ minLength: 1, maxLength: 200 }), password: t.String({ minLength: 1, maxLength: 1024 }) },
  { additionalProperties: false, examples: [{ username: "admin", password: "what the first start printed" }] },
)

export function addAuth(app: CoreApp, { accounts }: HttpContext): void {
  app.post(
    "/api/v2/auth/login",
    async ({ body, request, server, set }) => {
      const address = server?.requestIP(request)?.address ?? ""
      const { username, password } = parseBody("log in", credentials, body)
      const { token, user } = await accounts.login({ username, password, address })
      set.headers["set-cookie"] = cookie(request, token, sessionSeconds)
      set.headers["cache-control"] = "no-store"
      return { token, user }
    },
    {
      auth: false,
      body: documented(credentials),
      response: t.Object({ token: t.String(), user: userSchema }),
      detail: { tags, summary: "Logs in with a user name and a password" },
    },
  )

  app.post(
    "/api/v2/auth/logout",
    async ({ request, set }) => {
      await accounts.logout(request.headers)
      set.headers["set-cookie"] = cookie(request, "", 0)
      set.status = 204
    },
    { response: { 204: t.Void() }, detail: { tags, summary: "Ends the session that the request shows" } },
  )
}

/** Scripts cannot read it, other sites cannot send it along with a change. */
function cookie(request: Request, value: string, seconds: number): string {
  const isSecure = request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https"
  return `${sessionCookie}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${isSecure ? "; Secure" : ""}`
}
