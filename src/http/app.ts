import type { AnyElysia } from "elysia"
import { addAuth } from "./auth.ts"
import { type CoreApp, createCore, type HttpContext } from "./core.ts"
import { addHealth } from "./health.ts"
import { addJobs } from "./jobs.ts"
import { addMe } from "./me.ts"
import { addPlugins } from "./plugins.ts"
import { createScope } from "./scope.ts"
import { addSwagger } from "./swagger.ts"
import { addTokens } from "./tokens.ts"

/** The core's own routes: one file a resource, each adding what it answers. */
export function createApp(context: HttpContext): AnyElysia {
  const scope = createScope({ authenticate: context.accounts.principal, log: context.log })
  const app = createCore()
  scope.prepare(app)
  const core = app as unknown as CoreApp
  addHealth(core, context)
  addAuth(core, context)
  addMe(core)
  addTokens(core, context)
  addPlugins(core, context)
  addJobs(core, context)
  addSwagger(core, () => [["core", app] as const, ...context.plugins.apps], context.log)
  scope.seal(app, { contextOf: (user) => ({ user }) })
  return app
}
