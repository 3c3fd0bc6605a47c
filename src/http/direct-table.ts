import type { AnyElysia } from "elysia"
import { type Answer, directRoutesOf } from "./direct-routes.ts"

/** What Bun's router is given: who answers a GET of a path. */
export type Routes = Record<string, { GET: Answer }>

/** The routes of the plugins that were asked, for Bun's own router. */
export type DirectTable = {
  add(id: string, app: AnyElysia): void
  remove(id: string): void
  close(): void
}

/** Bun takes a thousand in 8 milliseconds, in which nobody is answered; the others go by way of `otherwise`. */
const MAX_ROUTES = 500
/** Milliseconds in which changes are put together; until then requests go by way of `otherwise`. */
const pause = 50

/** A plugin that has left since, or has another app now, is asked by way of `otherwise`, which knows. */
export function createDirectTable(
  plugins: ReadonlyMap<string, AnyElysia>,
  otherwise: Answer,
  publish: (routes: Routes) => void,
): DirectTable {
  const known = new Map<string, AnyElysia>()
  let timer: Timer | undefined
  let isClosed = false

  const toRoutes = (): Routes => {
    const routes: Routes = {}
    let count = 0
    for (const [id, app] of known) {
      const direct = directRoutesOf(app)
      if (count + direct.length > MAX_ROUTES) continue
      count += direct.length
      for (const { path, answer } of direct) {
        const isThere = () => plugins.get(id) === app
        routes[path] = { GET: (request) => (isThere() ? answer(request) : undefined) ?? otherwise(request) }
      }
    }
    return routes
  }
  const change = () => {
    if (isClosed) return
    timer ??= setTimeout(() => {
      timer = undefined
      publish(toRoutes())
    }, pause).unref()
  }

  return {
    add(id, app) {
      if (plugins.get(id) !== app) return
      known.set(id, app)
      change()
    },
    remove(id) {
      // what takes its place is known already where it was asked meanwhile
      if (known.has(id) && known.get(id) !== plugins.get(id)) {
        known.delete(id)
        change()
      }
    },
    close() {
      isClosed = true
      clearTimeout(timer)
      known.clear()
    },
  }
}
