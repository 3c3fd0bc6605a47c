import type { ServerWebSocket } from "bun"
import { websocket } from "elysia/ws"
import { PagodaError, toMessage } from "../errors.ts"
import type { Log } from "../log.ts"
import { waitAtMost } from "../wait-at-most.ts"
import { createDirectTable } from "./direct-table.ts"
import { type Apps, createDispatch } from "./dispatch.ts"
import { createProblem, respond } from "./problem.ts"

export type ServerOptions = Apps & {
  host: string
  port: number
  log: Log
  /** How long open requests and streams may go on after `stop`. */
  graceMs?: number
}

export type Server = {
  readonly url: string
  /** Lets go of a plugin that leaves: its sockets are closed; its clients may connect again. */
  leave(plugin: string): void
  stop(): Promise<void>
}

/** Bun itself refuses more, with an answer that has no body. JSON has a limit of its own, below this. */
const MAX_BODY_BYTES = 128 * 1024 * 1024
/** "Service restart", of the registry of WebSocket close codes. */
const RESTARTING = 1012

export function startServer(options: ServerOptions): Server {
  const sockets = new Map<string, Set<ServerWebSocket>>()
  const { server, leave, close } = listen(options, sockets)
  return {
    url: toUrl(options.host, server.port as number),
    leave(plugin) {
      leave(plugin)
      for (const socket of sockets.get(plugin) ?? []) socket.close(RESTARTING, "The plugin restarts")
    },
    async stop() {
      close()
      await waitAtMost(options.graceMs ?? 5000, server.stop())
      await server.stop(true)
    },
  }
}

type Sockets = Map<string, Set<ServerWebSocket>>
type BunServer = Bun.Server<unknown>

function listen({ host, port, log, ...apps }: ServerOptions, sockets: Sockets) {
  const dispatch = createDispatch(apps, (id, app) => {
    direct.add(id, app)
    return createFacade(server, id)
  })
  const options = {
    hostname: host,
    port,
    idleTimeout: 30,
    maxRequestBodySize: MAX_BODY_BYTES,
    development: false,
    // "development: false" turns it on, and then a second host on the port starts silently
    reusePort: false,
    fetch: dispatch,
    error(error: Error) {
      log.error("Cannot answer a request", { error })
      return respond(createProblem("INTERNAL", 500, "The request failed: the log says why"))
    },
    websocket: trackSockets(sockets) as never,
  }
  const direct = createDirectTable(apps.plugins, dispatch, (routes) => server.reload({ ...options, routes }))
  let server: BunServer
  try {
    server = Bun.serve(options)
  } catch (error) {
    // Bun asks "Is port 3000 in use?"
    const reason = toMessage(error).replace(/[^.?]$/, "$&.")
    const wanted = 'Choose another with "--port" and "--host"'
    throw new PagodaError("LISTEN_FAILED", `Cannot listen on "${host}:${port}": ${reason} ${wanted}`, {
      cause: error,
    })
  }
  return { server, leave: direct.remove, close: direct.close }
}

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
