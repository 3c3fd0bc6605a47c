import type { Api, PluginDefinition, User } from "@pagoda/sdk"
import type { Principal } from "../../src/core/accounts/principals.ts"
import { createScope } from "../../src/http/scope.ts"
import { createLog } from "../../src/log.ts"
import { createPluginApp, type Scope } from "../../src/plugins/mount.ts"
import { alice } from "./jobs.ts"

export const token = { authorization: "Bearer good" }
export const cookie = { cookie: "session=good" }

/** Knows one user, by the two headers above, and collects what is logged. */
export function createTestScope(authenticate = knowAlice): { scope: Scope; lines: string[] } {
  const lines: string[] = []
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  return { scope: createScope({ log, authenticate }), lines }
}

/** As the real one does at first sight, it takes its time. */
async function knowAlice(headers: Headers): Promise<Principal | null> {
  if (headers.get("authorization") === token.authorization) return { user: alice, via: "token" }
  return headers.get("cookie") === cookie.cookie ? { user: alice, via: "cookie" } : null
}

export function mountTestPlugin(
  routes: PluginDefinition["routes"],
  apiFor: (user: User | null) => Api = () => ({}) as Api,
) {
  const { scope, lines } = createTestScope()
  const app = createPluginApp(
    { id: "p", name: "P", version: "1.2.3", routes },
    { scope, settings: { COLOR: "red" }, apiFor },
  )
  const request = (path: string, init?: RequestInit): Promise<Response> =>
    Promise.resolve(app.fetch(new Request(`http://localhost/api/v2/plugins/p${path}`, init)))
  return { app, lines, request, scope }
}
