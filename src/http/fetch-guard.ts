import type { SealOptions } from "../plugins/mount.ts"
import { overLimit } from "../plugins/over-limit.ts"
import { isShort, limitAnswer } from "./answer-limit.ts"
import { limitBody } from "./body-limit.ts"
import type { Answer } from "./direct-routes.ts"
import { type Origin, toProblemResponse } from "./problem.ts"
import { createRoutePatience, type RoutePatience, type Wait } from "./route-patience.ts"
import { settle } from "./settle.ts"

type OriginOf = (request: Request) => Origin

/**
 * Whatever leaves an app in error is a problem document, also when its own error handler failed. An app with limits is kept
 * to them.
 */
export function createFetchGuard(
  originOf: OriginOf,
  { plugin, hasPages, calls, limits }: SealOptions,
): (inner: Answer, options?: { takesBody: boolean }) => Answer {
  const patience = limits && createRoutePatience(limits)
  const toProblem = (error: unknown, request: Request) => toProblemResponse(error, originOf(request))

  const tellFailure = (error: Error, request: Request) => {
    if (plugin !== undefined) originOf(request).onPluginFailure?.(plugin, error)
  }

  const finish = (response: Response, request: Request): Response | Promise<Response> => {
    const settled = hasPages && isPage(response) ? response : settle(response, plugin)
    if (settled instanceof Promise) return settled.catch((error) => toProblem(error, request))
    // a socket that was upgraded has no response
    if (!limits || !settled || isShort(settled, limits)) return settled
    try {
      return limitAnswer(settled, limits, calls, (error) => tellFailure(error, request))
    } catch (error) {
      tellFailure(error as Error, request)
      return toProblem(error, request)
    }
  }

  const begin = (answer: Promise<Response>, request: Request): Promise<Response> => {
    calls?.begin()
    if (patience) return wait(answer, request, patience)
    return answer.then(
      (response) => {
        calls?.end()
        return finish(response, request)
      },
      (error) => {
        calls?.end()
        return toProblem(error, request)
      },
    )
  }

  /** Who waits is told when the time is up; the handler is left to itself. */
  const wait = (answer: Promise<Response>, request: Request, patience: RoutePatience): Promise<Response> =>
    new Promise((resolve) => {
      let isOver = false
      const waiting: Wait = {
        previous: undefined,
        next: undefined,
        since: 0,
        expire() {
          isOver = true
          const error = toLate(request)
          // a client may take as long as it wants to send a body: that is not the plugin's failure
          if (!hasBody(request)) tellFailure(error, request)
          resolve(toProblem(error, request))
        },
      }
      patience.begin(waiting)
      answer.then(
        (response) => {
          calls?.end()
          patience.end(waiting)
          if (isOver) void response?.body?.cancel()
          else resolve(finish(response, request))
        },
        (error) => {
          calls?.end()
          patience.end(waiting)
          resolve(toProblem(error, request))
        },
      )
    })

  const toLate = ({ method, url }: Request): Error => {
    if (!limits) throw new TypeError("An app without limits is never late")
    limits.refuse("route_ms")
    return overLimit(limits, "route_ms", `answer ${method} ${URL.parse(url)?.pathname} in time`)
  }

  return (inner, { takesBody } = { takesBody: true }) =>
    (request) => {
      try {
        const answer = inner(limits && takesBody ? limitBody(request, limits) : request)
        return answer instanceof Promise ? begin(answer, request) : finish(answer, request)
      } catch (error) {
        return toProblem(error, request)
      }
    }
}

function isPage(response: Response): boolean {
  return response?.headers.get("content-type")?.startsWith("text/html") === true
}

function hasBody({ headers }: Request): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length")) > 0
}
