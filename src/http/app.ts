import type { AnyElysia } from "elysia"
import { addAcl } from "./acl.ts"
import { addAdminEvents } from "./admin-events.ts"
import { addAudit } from "./audit.ts"
import { addAuth } from "./auth.ts"
import { type CoreApp, createCore, type HttpContext } from "./core.ts"
import { addEntities } from "./entities.ts"
import { addEntries } from "./entries.ts"
import { addEntryLists } from "./entry-lists.ts"
import { addGroups } from "./groups.ts"
import { addHealth } from "./health.ts"
import { addJobs } from "./jobs.ts"
import { addMe } from "./me.ts"
import { addMetrics } from "./metrics.ts"
import { addOverrides } from "./overrides.ts"
import { addPluginLimits } from "./plugin-limits.ts"
import { addPluginSettings } from "./plugin-settings.ts"
import { addPlugins } from "./plugins.ts"
import { addRepairs } from "./repairs.ts"
import { addRoles } from "./roles.ts"
import { createScope } from "./scope.ts"
import { addSearch } from "./search.ts"
import { addSwagger } from "./swagger.ts"
import { addTokens } from "./tokens.ts"
import { addTransfer } from "./transfer.ts"
import { addUsers } from "./users.ts"

/** The core's own routes: one file a resource, each adding what it answers. */
export function createApp(context: HttpContext): AnyElysia {
  const scope = createScope({
    authenticate: context.accounts.principal,
    log: context.log,
    onPluginFailure: context.onPluginFailure,
    meter: context.meter,
  })
  const app = createCore()
  scope.prepare(app)
  const core = app as unknown as CoreApp
  addHealth(core, context)
  addMetrics(core, context)
  addAuth(core, context)
  addMe(core)
  addTokens(core, context)
  addUsers(core, context)
  addGroups(core, context)
  addRoles(core, context)
  addEntities(core, context)
  addEntries(core, context)
  addEntryLists(core, context)
  addTransfer(core, context)
  addSearch(core, context)
  addAcl(core, context)
  addAudit(core, context)
  addOverrides(core, context)
  addPlugins(core, context)
  addPluginSettings(core, context)
  addPluginLimits(core, context)
  addRepairs(core, context)
  addAdminEvents(core, context)
  addJobs(core, context)
  addSwagger(core, () => [["core", app] as const, ...context.plugins.apps], context.log)
  scope.seal(app, { contextOf: (user) => ({ user }) })
  return app
}
