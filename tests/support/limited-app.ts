import type { Api, PluginDefinition } from "@pagoda/sdk"
import { createScope } from "../../src/http/scope.ts"
import { createLog } from "../../src/log.ts"
import { createLimits, type LimitValues } from "../../src/plugins/limits.ts"
import { createPluginApp } from "../../src/plugins/mount.ts"

/** A plugin's app with these limits, behind a port. */
export function serveLimited(routes: PluginDefinition["routes"], values: Partial<LimitValues>) {
  const failures: string[] = []
  const limits = createLimits()
  limits.set(new Map([["p", values]]))
  const scope = createScope({
    log: createLog({ level: "error", format: "json", write: () => {} }),
    authenticate: () => null,
    onPluginFailure: (plugin, error) => void failures.push(`${plugin}: ${(error as Error).message}`),
  })
  const app = createPluginApp(
    { id: "p", name: "P", version: "1.0.0", routes },
    { scope, settings: {}, apiFor: () => ({}) as Api, limits: limits.of("p") },
  )
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) })
  return {
    limits: limits.of("p"),
    failures,
    port: server.port as number,
    ask: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}/api/v2/plugins/p${path}`, init),
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
