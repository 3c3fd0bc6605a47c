import type { AnyElysia } from "elysia"
import { Histogram } from "../metrics/histogram.ts"
import type { Answer } from "./direct-routes.ts"

/** What became of the requests of one route, in this process. */
export type RouteCalls = {
  /** Nothing: the core. */
  readonly plugin: string | undefined
  readonly method: string
  /** With `:id` for a parameter: a path that somebody asked for is never kept. */
  readonly route: string
  /** How many were answered with 1xx, 2xx, 3xx, 4xx and 5xx. */
  readonly answers: number[]
  /** Until there was an answer, of one request in sixteen: a stream may go on for longer. */
  readonly times: Histogram
}

type Handle = (context: unknown) => unknown

export type RouteMeter = {
  /** Before the app is compiled: from then on each of its routes says when it is asked. */
  mark(app: AnyElysia, plugin: string | undefined): void
  /** Counts what these routes answer. */
  watch(fetch: Answer, plugin: string | undefined): Answer
  /** Counts what the one route answers that is asked; where it answers nothing, another one is. */
  watchRoute(fetch: Answer, plugin: string | undefined, route: { method: string; path: string }): Answer
  /** The routes that were asked, also those of plugins that have left. */
  all(): Iterable<RouteCalls>
}

/** To look at the clock twice costs as much as all else here: of many requests, one in so many is timed. */
const timedEach = 16

/** Seconds. */
const bounds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * A route is found in the same turn in which its app is asked: it leaves its name in passing, and what asked picks that up.
 * A request that was answered before a route was found, or that an asynchronous `onRequest` held up, is "unmatched".
 */
export function createRouteMeter(): RouteMeter {
  const all = new Map<string, RouteCalls>()
  let asked: RouteCalls | undefined

  const callsOf = (plugin: string | undefined, method: string, route: string): RouteCalls => {
    const key = `${plugin ?? ""} ${method} ${route}`
    const known = all.get(key)
    if (known) return known
    const made = { plugin, method, route, answers: [0, 0, 0, 0, 0, 0], times: new Histogram(bounds) }
    all.set(key, made)
    return made
  }

  const toMarking = (plugin: string | undefined, method: string, route: string) => {
    let calls: RouteCalls | undefined
    return (handle: Handle): Handle =>
      (context) => {
        asked = calls ??= callsOf(plugin, method, route)
        return handle(context)
      }
  }

  return {
    mark(app, plugin) {
      const { history, http } = app.router as unknown as Router
      for (const route of history) {
        const marking = toMarking(plugin, route.method, route.path)
        // it is replaced at the first request, when it is compiled
        let { composed } = route
        if (composed) composed = marking(composed)
        Object.defineProperty(route, "composed", {
          get: () => composed,
          set: (made: Handle) => {
            composed = marking(made)
          },
          enumerable: true,
          configurable: true,
        })
      }
      const done = new Set<Store>()
      for (const [method, path, store] of http.deferred) {
        // the same one with and without a slash at its end
        if (done.has(store)) continue
        done.add(store)
        const marking = toMarking(plugin, method, path)
        const compile = store.compile.bind(store)
        if (store.handler) store.handler = marking(store.handler)
        store.compile = () => {
          const made = marking(compile())
          store.handler = made
          return made
        }
      }
    },

    watch(fetch, plugin) {
      let unmatched: RouteCalls | undefined
      const isTimed = createTurns()
      return (request) => {
        const outer = asked
        asked = undefined
        const began = isTimed() ? performance.now() : undefined
        const answer = fetch(request)
        let calls = asked as RouteCalls | undefined
        asked = outer
        if (!calls) {
          unmatched ??= callsOf(plugin, "any", "unmatched")
          calls = unmatched
        }
        return count(answer, calls, began)
      }
    },

    watchRoute(fetch, plugin, { method, path }) {
      let calls: RouteCalls | undefined
      const isTimed = createTurns()
      return (request) => {
        calls ??= callsOf(plugin, method, path)
        const began = isTimed() ? performance.now() : undefined
        const answer = fetch(request)
        return answer ? count(answer, calls, began) : answer
      }
    },

    all: () => all.values(),
  }
}

/** What Elysia keeps of its routes: those without parameters in a list, the others in a tree that is built while it compiles. */
type Router = {
  history: { method: string; path: string; composed: Handle | null }[]
  http: { deferred: [method: string, path: string, store: Store][] }
}
type Store = { handler: Handle | undefined; compile(): Handle }

/** Whose turn it is to be timed: the first ones, and then one in so many. */
function createTurns(): () => boolean {
  let turn = 0
  return () => {
    const isTimed = turn < timedEach || turn % timedEach === 0
    turn++
    return isTimed
  }
}

/** A socket that was upgraded has no response. */
function toStatus(response: Response | undefined): number {
  return response === undefined ? 101 : response.status
}

function count(answer: Response | Promise<Response>, calls: RouteCalls, began: number | undefined) {
  if (answer instanceof Promise) {
    answer.then(
      (response) => note(calls, toStatus(response), began),
      () => note(calls, 500, began),
    )
  } else note(calls, toStatus(answer), began)
  return answer
}

function note({ answers, times }: RouteCalls, status: number, began: number | undefined): void {
  const group = (status / 100) | 0
  answers[group] = (answers[group] as number) + 1
  if (began !== undefined) times.observe((performance.now() - began) / 1000)
}
