import type { AnyElysia } from "elysia"
import { pagesPrefix, pluginPrefix } from "../plugins/mount.ts"
import { createAddressCheck } from "./address.ts"
import { createProblem, respond } from "./problem.ts"

/** The core's app, or how to get it: a host whose plugins alone are asked does without it. */
export type CoreSource = AnyElysia | (() => AnyElysia | Promise<AnyElysia>)

export type Apps = {
  core: CoreSource
  /** The apps of the active plugins by id; looked at for every request, so that a plugin comes and goes at once. */
  plugins: ReadonlyMap<string, AnyElysia>
  /** Those of their pages. */
  pages?: ReadonlyMap<string, AnyElysia>
}

export type Dispatch = (request: Request) => Response | Promise<Response>

/** Gives an app what it may do with the server, when it is asked for the first time. */
type Welcome = (id: string, app: AnyElysia) => unknown

/** Picks the app by the path as it was sent; each app matches that same text, so that none answers for another. */
export function createDispatch({ core, plugins, pages }: Apps, welcome: Welcome = () => null): Dispatch {
  const prefix = pluginPrefix("")
  const pageRoot = pagesPrefix("")
  const isAddress = createAddressCheck()
  let last = ""
  return function dispatch(request) {
    const { url } = request
    if (!isAddress(url)) return withoutHost(request, dispatch)
    // where Elysia starts to read the path as well
    const path = url.indexOf("/", 7)
    if (url.includes("%") && !isDecodable(url.slice(path).split("?", 1)[0] ?? "")) return withoutPath()
    if (!url.startsWith(prefix, path)) {
      return url.startsWith(pageRoot, path) ? toPages(request, path + pageRoot.length) : toCore(request)
    }
    const from = path + prefix.length
    const id = readId(url, from)
    const to = from + id.length
    const app = plugins.get(id)
    if (url.charCodeAt(to) !== SLASH) return toCore(request)
    const isRoot = to + 1 === url.length || url.charCodeAt(to + 1) === QUESTION
    // the record of a plugin, with a trailing slash, unless the plugin has a route of its own there
    if (isRoot && !(app && `${prefix}${id}/` in app.router.static)) return toCore(request)
    if (app) return toApp(app, id, request)
    return respond(createProblem("NOT_FOUND", 404, `There is no active plugin "${id}"`))
  }

  function toPages(request: Request, from: number) {
    const id = readId(request.url, from)
    const app = pages?.get(id)
    if (app) return toApp(app, id, request)
    const state = plugins.has(id) ? `Plugin "${id}" has no pages` : `There is no active plugin "${id}"`
    return respond(createProblem("NOT_FOUND", 404, state))
  }

  /** Most requests are for the plugin of the one before: to compare is quicker than to cut out what has no hash yet. */
  function readId(url: string, from: number): string {
    if (url.startsWith(last, from) && isEnd(url, from + last.length)) return last
    let to = from
    while (!isEnd(url, to)) to++
    last = url.slice(from, to)
    return last
  }

  function toCore(request: Request) {
    const app = typeof core === "function" ? core() : core
    return app instanceof Promise ? app.then((made) => toApp(made, "", request)) : toApp(app, "", request)
  }

  function toApp(app: AnyElysia, id: string, request: Request) {
    if (app.server === null) app.server = welcome(id, app) as AnyElysia["server"]
    return app.fetch(request)
  }
}

/** HTTP/1.0 knows no host; one that does not parse would make the path begin in the middle of it. */
function withoutHost(request: Request, dispatch: Dispatch): Response | Promise<Response> {
  const host = request.headers.get("host")
  if (host === null) return dispatch(new Request(`http://localhost${request.url}`, request))
  return respond(
    createProblem("HOST_INVALID", 400, `Cannot read the header "Host": it is "${host}", wanted a host name`),
  )
}

/** Elysia would give a route `null` for such a parameter, whatever its type says. */
function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

function withoutPath(): Response {
  return respond(createProblem("PATH_INVALID", 400, 'Cannot read the path: a "%" begins no UTF-8 text, wanted "%25"'))
}

function isEnd(url: string, at: number): boolean {
  return at >= url.length || url.charCodeAt(at) === SLASH || url.charCodeAt(at) === QUESTION
}

const SLASH = 47
const QUESTION = 63
