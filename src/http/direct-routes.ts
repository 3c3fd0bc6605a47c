import type { AnyElysia, ComposedHandler, InternalRoute } from "elysia"
import { createBunRouteHandler } from "elysia/adapter/bun/compose"
import { sucrose } from "elysia/sucrose"
import { createAddressCheck } from "./address.ts"

export type Answer = (request: Request) => Response | Promise<Response>

/** Nothing: the request needs another look, since Bun's router takes a path as it was sent, and asks for no host. */
type DirectAnswer = (request: Request) => Response | Promise<Response> | undefined

/** A route that Bun's own router may find: neither we nor Elysia have to look at the address for it. */
export type DirectRoute = { path: string; answer: DirectAnswer }

/** Puts around a route what the app has around all of them. */
type Guard = (inner: Answer, route: InternalRoute) => Answer

const offers = new WeakMap<AnyElysia, Guard>()

/** From now on, `directRoutesOf` finds the routes of this app. They are looked for when they are wanted: not at a start. */
export function offerDirectRoutes(app: AnyElysia, guard: Guard): void {
  offers.set(app, guard)
}

/** The reads that Bun finds where Elysia would, since nothing else in the app takes the same path. */
export function directRoutesOf(app: AnyElysia): DirectRoute[] {
  const guard = offers.get(app)
  const { event, extender, routes } = app as AnyElysia & Inner
  if (!guard || event.request?.length || event.trace?.length || extender.higherOrderFunctions.length) return []
  const taken = new Set(routes.filter(({ method }) => method === "WS").map(({ path }) => path))
  const isPlain = routes.every(({ method, path }) => isPlainPath(path) && method !== "HEAD" && method !== "ALL")
  return routes
    .filter(({ method, path }) => method === "GET" && isPlainPath(path) && !taken.has(path))
    .filter(({ path }) => isPlain || !path.includes(":"))
    .map((route) => ({ path: route.path, answer: toAnswer(app, route, guard) }))
}

function toAnswer(app: AnyElysia, route: InternalRoute, guard: Guard): DirectAnswer {
  let made: Answer | undefined
  // composed at its first request, as Elysia itself does
  const answer: DirectAnswer = guard((request) => {
    made ??= createBunRouteHandler(app, { ...route, compile: () => leaveUnusual(route) }) as Answer
    return made(request)
  }, route)
  if (!readsAddress(app, route)) return answer
  const isAddress = createAddressCheck()
  return (request) => (isAddress(request.url) ? answer(request) : undefined)
}

type Params = Record<string, string>

/** Elysia sees the path as it is after all that an address does to it. To ask the request itself for them costs more. */
function leaveUnusual(route: InternalRoute): ComposedHandler {
  const composed = route.compile()
  const names = [...route.path.matchAll(/:([^/]+)/g)].map(([, name]) => name as string)
  if (names.length === 0) return composed
  const handle = (context: { params: Params }) => {
    for (const name of names) if (unusual.test(context.params[name] as string)) return undefined
    return composed(context as never)
  }
  return handle as ComposedHandler
}

/** An address would not have kept the first ones, and the last one stands for bytes that are no text. */
const unusual = /^\.{0,2}$|[\\\t\r\n\0\uFFFD]/
const plainPath = /^(?:\/:?[\w.~-]+)+$/

function isPlainPath(path: string): boolean {
  return plainPath.test(path)
}

/** Without a host in the request there is none to read; to look at it costs as much as all else here. */
function readsAddress(app: AnyElysia, { handler, hooks }: InternalRoute): boolean {
  const lifeCycle = { ...hooks, handler } as Parameters<typeof sucrose>[0]
  const { url, path, query } = sucrose(lifeCycle, (app as AnyElysia & Inner).inference)
  const theirs = (Object.values(hooks).flat() as Partial<Hook>[]).filter(isTheirs)
  return url || path || query || [handler, ...theirs.map(({ fn }) => fn)].some((fn) => addressNames.test(String(fn)))
}

const addressNames = /\b(?:request|url|path|query)\b|\[native code\]/

type Hook = { fn: unknown; isHost?: boolean }

function isTheirs(hook: Partial<Hook> | null | undefined): hook is Hook {
  return typeof hook?.fn === "function" && !hook.isHost
}

/** Elysia's own members that its types do not show. */
type Inner = {
  event: { request?: unknown[]; trace?: unknown[] }
  extender: { higherOrderFunctions: unknown[] }
  inference: Parameters<typeof sucrose>[1]
}
