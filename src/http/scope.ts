import type { User } from "@pagoda/sdk"
import type { AnyElysia } from "elysia"
import type { Principal } from "../core/accounts/principals.ts"
import { PagodaError } from "../errors.ts"
import type { Log } from "../log.ts"
import { isOpen, type Scope, type SealOptions } from "../plugins/mount.ts"
import { offerDirectRoutes } from "./direct-routes.ts"
import { createFetchGuard } from "./fetch-guard.ts"
import { allowedMethods } from "./methods.ts"
import { toNumbers } from "./numbers.ts"
import { isSameOrigin } from "./origin.ts"
import { parserOf } from "./parser.ts"
import { createProblem, type OnPluginFailure, type Origin, respond, toProblem, toProblemResponse } from "./problem.ts"
import type { RouteMeter } from "./route-meter.ts"

/** Synchronous where the credentials were checked a moment ago: this runs for every request. */
export type Authenticate = (headers: Headers) => Principal | null | Promise<Principal | null>

export type ScopeOptions = {
  authenticate: Authenticate
  log: Log
  onPluginFailure?: OnPluginFailure
  meter?: RouteMeter
}

/** Credentials and errors of every app, the core's and each plugin's. */
export function createScope({ authenticate, log, onPluginFailure, meter }: ScopeOptions): Scope {
  const enter = async (request: Request): Promise<User> => {
    const found = authenticate(request.headers)
    const principal = found instanceof Promise ? await found.catch(uncheckable) : found
    if (!principal) throw unauthenticated(request)
    if (principal.via === "cookie" && !isSameOrigin(request)) {
      throw new PagodaError("ORIGIN_FORBIDDEN", "A request with the session cookie must come from Pagoda's own page")
    }
    return principal.user
  }

  return {
    prepare(app) {
      app.macro({ auth: (on: boolean) => ({ config: { open: !on } }) })
      onlyFunctions(app)
      // a route that answers before the app is sealed is compiled as it is then: open
      Object.assign(app, { compile: () => app })
      Object.defineProperty(app, "fetch", { value: refuseRequest, configurable: true, writable: true })
    },

    seal(app, options) {
      const originOf = (request: Request): Origin => ({ request, plugin: options.plugin, log, onPluginFailure })
      for (const { hooks } of app.routes) sealRoute(hooks as Hooks, enter, originOf, options)
      withoutInference(app, () => app.onError(missingRoute(app, originOf) as never))
      Reflect.deleteProperty(app, "compile")
      meter?.mark(app, options.plugin)
      withoutCollecting(() => app.compile())
      Object.assign(app, { add: refuseRoute })
      const guard = createFetchGuard(originOf, options)
      const fetch = guard(app.fetch)
      Object.defineProperty(app, "fetch", {
        value: meter ? meter.watch(fetch, options.plugin) : fetch,
        configurable: true,
        writable: true,
      })
      offerDirectRoutes(app, (inner, route) => {
        const answer = guard(inner, { takesBody: false })
        return meter ? meter.watchRoute(answer, options.plugin, route) : answer
      })
    },
  }
}

/** Elysia makes ready for every route what any hook of the app seems to read: this one reads it by itself. */
function withoutInference(app: AnyElysia, work: () => void): void {
  const { inference } = app as unknown as { inference: object }
  work()
  Object.assign(app, { inference })
}

/** Elysia collects garbage after each app that it composes: at a start that is once for every plugin. */
function withoutCollecting(work: () => void): void {
  const { gc } = Bun
  Bun.gc = () => 0
  try {
    work()
  } finally {
    Bun.gc = gc
  }
}

/** Elysia answers a plain value without asking the hooks where a route has hooks of every kind. */
function onlyFunctions(app: AnyElysia): void {
  const { add } = app as unknown as { add: (...values: unknown[]) => unknown }
  const adding = (method: unknown, path: unknown, handler: unknown, ...rest: unknown[]) =>
    add.call(app, method, path, toFunction(handler), ...rest)
  Object.assign(app, { add: adding })
}

function toFunction(handler: unknown): unknown {
  if (typeof handler === "function") return handler
  return handler instanceof Response ? () => handler.clone() : () => handler
}

function refuseRequest(): never {
  throw new PagodaError("PLUGIN_INVALID", "Cannot answer a request: the app is not in use yet")
}

function refuseRoute(): never {
  throw new PagodaError("PLUGIN_INVALID", "Cannot add a route: the app is in use already")
}

/** `isHost`: not one of the plugin. */
type Hook = { fn: unknown; subType?: string; isAsync?: boolean; isHost: true }
type Hooks = Partial<Record<"parse" | "transform" | "error", Hook | Hook[]>> &
  Partial<Record<"body" | "query" | "params" | "config", unknown>>
type Context = { request: Request; error: unknown; code: unknown; path: string }
type Enter = (request: Request) => Promise<User>

/**
 * Every route is closed unless it says otherwise, and the host's error handler comes after the plugin's own. The hooks
 * object is changed in place: Elysia compiles a route at its first request and reads this very object.
 */
function sealRoute(hooks: Hooks, enter: Enter, originOf: (request: Request) => Origin, options: SealOptions): void {
  for (const fn of [toNumbers("query", hooks.query), toNumbers("params", hooks.params)]) {
    if (fn) hooks.transform = [...list(hooks.transform), { fn, isAsync: false, isHost: true }]
  }
  const open = isOpen(hooks)
  if (!open) {
    const fn = async ({ request }: Context) => options.contextOf(await enter(request))
    hooks.transform = [{ fn, subType: "derive", isAsync: true, isHost: true }, ...list(hooks.transform)]
  }
  if (hooks.body && !list(hooks.parse).length)
    hooks.parse = [{ fn: parserOf(hooks.body, options.plugin), isAsync: true, isHost: true }]
  const refused = ({ request, error }: Pick<Context, "request" | "error">) => {
    if (error instanceof PagodaError) return toProblemResponse(error, originOf(request))
  }
  // Bodies are parsed before credentials are looked at: who has none is told that, and nothing about the body.
  // Elysia reads this text: were the context passed on as it is, each request would have its cookies, headers and query read.
  const unparsed = async ({ request, error, code }: Context) => {
    const response = refused({ request, error })
    if (response === undefined && code === "PARSE") await enter(request)
    return response
  }
  const failed = ({ request, error }: Context) => toProblemResponse(error, originOf(request))
  // an open route without async hooks of its own answers without a promise
  const before: Hook = open
    ? { fn: refused, isAsync: false, isHost: true }
    : { fn: unparsed, isAsync: true, isHost: true }
  hooks.error = [before, ...list(hooks.error), { fn: failed, isAsync: false, isHost: true }]
}

function list(hooks: Hook | Hook[] | undefined): Hook[] {
  return hooks === undefined ? [] : [hooks].flat()
}

/** No route took the request, or an error came up inside of a socket, where the answer is a message. */
function missingRoute(app: AnyElysia, originOf: (request: Request) => Origin) {
  return ({ request, error, code, path }: Context) => {
    const origin = originOf(request)
    if (code === undefined && request.headers.get("upgrade") === "websocket") return toProblem(error, origin)
    const methods = code === "NOT_FOUND" ? allowedMethods(app, path) : []
    if (methods.length === 0) return toProblemResponse(error, origin)
    const detail = `"${request.method}" is not allowed at "${path}", wanted one of "${methods.join('", "')}"`
    const plugin = origin.plugin === undefined ? {} : { plugin: origin.plugin }
    return respond(createProblem("METHOD_NOT_ALLOWED", 405, detail, plugin), { allow: methods.join(", ") })
  }
}

function uncheckable(cause: unknown): never {
  if (cause instanceof PagodaError) throw cause
  throw new PagodaError("INTERNAL", "Cannot check the credentials: the log says why", { cause })
}

function unauthenticated({ headers }: Request): PagodaError {
  const has = headers.has("authorization") || headers.has("cookie")
  const given = has ? "the credentials are unknown or no longer valid" : "there are no credentials"
  return new PagodaError("UNAUTHENTICATED", `Cannot tell who asks: ${given}, wanted "Authorization: Bearer <token>"`)
}
