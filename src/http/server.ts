import type { ServerWebSocket } from "bun"
import type { AnyElysia } from "elysia"
import { websocket } from "elysia/ws"
import { PagodaError, toMessage } from "../errors.ts"
import type { Log } from "../log.ts"
import { pagesPrefix, pluginPrefix } from "../plugins/mount.ts"
import { waitAtMost } from "../wait-at-most.ts"
import { createProblem, respond } from "./problem.ts"

/** The core's app, or how to get it: a host whose plugins alone are asked does without it. */
export type CoreSource = AnyElysia | (() => AnyElysia | Promise<AnyElysia>)

export type ServerOptions = {
  host: string
  port: number
  core: CoreSource
  /** The apps of the active plugins by id; looked at for every request, so that a plugin comes and goes at once. */
  plugins: ReadonlyMap<string, AnyElysia>
  /** Those of their pages. */
  pages?: ReadonlyMap<string, AnyElysia>
  log: Log
  /** How long open requests and streams may go on after `stop`. */
  graceMs?: number
}

export type Server = {
  readonly url: string
  /** Closes the sockets of a plugin that leaves; its clients may connect again. */
  closeSockets(plugin: string): void
  stop(): Promise<void>
}

/** Bun itself refuses more, with an answer that has no body. JSON has a limit of its own, below this. */
const MAX_BODY_BYTES = 128 * 1024 * 1024
/** "Service restart", of the registry of WebSocket close codes. */
const RESTARTING = 1012

export function startServer(options: ServerOptions): Server {
  const sockets = new Map<string, Set<ServerWebSocket>>()
  const server = listen(options, sockets)
  return {
    url: toUrl(options.host, server.port as number),
    closeSockets(plugin) {
      for (const socket of sockets.get(plugin) ?? []) socket.close(RESTARTING, "The plugin restarts")
    },
    async stop() {
      await waitAtMost(options.graceMs ?? 5000, server.stop())
      await server.stop(true)
    },
  }
}

type Sockets = Map<string, Set<ServerWebSocket>>
type BunServer = Bun.Server<unknown>

function listen({ host, port, core, plugins, pages, log }: ServerOptions, sockets: Sockets): BunServer {
  try {
    const server: BunServer = Bun.serve({
      hostname: host,
      port,
      idleTimeout: 30,
      maxRequestBodySize: MAX_BODY_BYTES,
      development: false,
      // "development: false" turns it on, and then a second host on the port starts silently
      reusePort: false,
      fetch: createDispatch({ core, plugins, pages }, (id) => createFacade(server, id)),
      error(error) {
        log.error("Cannot answer a request", { error })
        return respond(createProblem("INTERNAL", 500, "The request failed: the log says why"))
      },
      websocket: trackSockets(sockets) as never,
    })
    return server
  } catch (error) {
    const wanted = 'choose another with "--port" and "--host"'
    throw new PagodaError("LISTEN_FAILED", `Cannot listen on "${host}:${port}": ${toMessage(error)}; ${wanted}`, {
      cause: error,
    })
  }
}

type Dispatch = (request: Request) => Response | Promise<Response>

/** Picks the app by the path as it was sent; each app matches that same text, so that none answers for another. */
export function createDispatch(
  { core, plugins, pages }: Pick<ServerOptions, "core" | "plugins" | "pages">,
  facadeFor: (id: string) => unknown = () => null,
): Dispatch {
  const prefix = pluginPrefix("")
  const pageRoot = pagesPrefix("")
  let last = ""
  return function dispatch(request) {
    const { url } = request
    if (url.charCodeAt(0) === SLASH) return withoutHost(request, dispatch)
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
    if (app.server === null) app.server = facadeFor(id) as AnyElysia["server"]
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

/** What an app may do with the server. With the real one it could stop it, and compiling would replace our dispatch. */
function createFacade(server: BunServer, plugin: string) {
  return {
    publish: server.publish.bind(server),
    requestIP: server.requestIP.bind(server),
    timeout: server.timeout.bind(server),
    upgrade: (request: Request, options: { data: object }) => {
      Object.defineProperty(options.data, "plugin_id", { value: plugin })
      return server.upgrade(request, options as never)
    },
  }
}

function trackSockets(sockets: Sockets) {
  const idOf = (socket: ServerWebSocket) => (socket.data as unknown as { plugin_id: string }).plugin_id
  return {
    ...websocket,
    open(socket: ServerWebSocket) {
      const id = idOf(socket)
      sockets.set(id, (sockets.get(id) ?? new Set()).add(socket))
      return websocket.open?.(socket as never)
    },
    close(socket: ServerWebSocket, code: number, reason: string) {
      sockets.get(idOf(socket))?.delete(socket)
      return websocket.close?.(socket as never, code, reason)
    },
  }
}

function toUrl(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`
}
