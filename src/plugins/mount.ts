import type { Api, PluginDefinition, User } from "@pagoda/sdk"
import { type AnyElysia, Elysia } from "elysia"
import { PagodaError } from "../errors.ts"
import type { Calls } from "./calls.ts"
import { confineElysia } from "./confine-elysia.ts"
import type { PluginLimits } from "./limits.ts"
import type { PluginRoute } from "./record.ts"

/** What every app gets: the `auth` option of a route, credentials, problem documents. `http/scope.ts` makes it. */
export type Scope = {
  prepare(app: AnyElysia): void
  /** The last step: from here on no route can be added. */
  seal(app: AnyElysia, options: SealOptions): void
}

export type SealOptions = {
  /** Whose app it is: named in every problem. */
  plugin?: string
  /** An error may be told by a page of the plugin's own. */
  hasPages?: boolean
  /** Counts the requests that are under way. */
  calls?: Calls | undefined
  /** Left out: what is asked and answered may be as long, and take as long, as it wants. */
  limits?: PluginLimits | undefined
  /** What a request of this user finds in its context. */
  contextOf(user: User): object
}

export type MountOptions = {
  scope: Scope
  /** Those of now: `showSettings` puts others in their place. */
  settings: object
  /** The same object for the same user. */
  apiFor(user: User | null): Api
  calls?: Calls
  limits?: PluginLimits
}

const MAX_ROUTES = 10_000

export function pluginPrefix(id: string): string {
  return `/api/v2/plugins/${id}`
}

export function pagesPrefix(id: string): string {
  return `/plugins/${id}`
}

/** Where an app is, and which function of the definition adds to it. */
export type Part = {
  prefix: string
  field: "routes" | "pages"
  /** What the host adds before the plugin does. */
  prepare?(app: AnyElysia): void
}

/** The plugin's own app: nothing that is added to it reaches another one. */
export function createPluginApp(definition: PluginDefinition, options: MountOptions): AnyElysia {
  return mountPart(definition, options, { prefix: pluginPrefix(definition.id), field: "routes" })
}

export function mountPart(definition: PluginDefinition, options: MountOptions, part: Part): AnyElysia {
  const { id, name, version } = definition
  const { prefix, field } = part
  confineElysia()
  const app = new Elysia({ prefix, handler: { standardHostname: false } })
    .decorate("plugin", Object.freeze({ id, name, version }))
    .decorate("settings", options.settings)
    .decorate("user", null)
    .decorate("api", options.apiFor(null)) as unknown as AnyElysia
  options.scope.prepare(app)
  forbidListening(app, id)
  part.prepare?.(app)
  addRoutes(app, id, field, definition[field])
  for (const problem of routeProblems(app, prefix)) throw invalid(id, problem)
  options.scope.seal(app, {
    plugin: id,
    hasPages: field === "pages",
    calls: options.calls,
    limits: options.limits,
    contextOf: (user) => ({ user, api: options.apiFor(user) }),
  })
  return app
}

/** What requests from now on find as settings: each one's context is made of the decorators, by reading them. */
export function showSettings(app: AnyElysia, settings: object): void {
  Object.assign(app.decorator, { settings })
}

/** The routes of a plugin's app, for its record. */
export function routesOf(app: AnyElysia): PluginRoute[] {
  return app.routes.map(({ method, path, hooks }) => ({ method, path, auth: !isOpen(hooks) }))
}

/** `auth` leaves a mark; the first one is that of the route itself, those of its groups follow. */
export function isOpen(hooks: { config?: unknown }): boolean {
  const marks = [hooks.config].flat() as ({ open?: unknown } | undefined)[]
  return marks.find((mark) => typeof mark?.open === "boolean")?.open === true
}

function addRoutes(app: AnyElysia, id: string, field: Part["field"], add: PluginDefinition["routes"]): void {
  if (!add) return
  const returned = add(app as never)
  if (returned instanceof Promise) {
    returned.catch(() => {})
    throw invalid(id, `"${field}" returned a promise, wanted the app it was given; add the routes before it returns`)
  }
  if (returned instanceof Elysia && returned !== app) {
    throw invalid(id, `"${field}" returned another app, wanted the one it was given; add yours with "app.use(yours)"`)
  }
  const { promisedModules } = app as unknown as { promisedModules: { size: number } }
  if (promisedModules.size > 0) {
    throw invalid(id, `"${field}" adds an app that is not there yet; import it first, then "app.use" it`)
  }
}

function routeProblems(app: AnyElysia, prefix: string): string[] {
  if (app.routes.length > MAX_ROUTES) return [`it has ${app.routes.length} routes, at most ${MAX_ROUTES} are allowed`]
  return app.routes
    .filter(({ path }) => !path.startsWith(`${prefix}/`) || path.split("/").includes(".."))
    .map(({ method, path }) => `its route "${method} ${path}" is outside of "${prefix}/"`)
}

/** The host alone owns the server. */
function forbidListening(app: AnyElysia, id: string): void {
  app.listen = () => {
    throw invalid(id, "its app cannot listen: the host serves it")
  }
}

function invalid(id: string, problem: string): PagodaError {
  return new PagodaError("PLUGIN_INVALID", `Cannot mount plugin "${id}": ${problem}`, { plugin: id })
}
