import { type AnyElysia, Elysia } from "elysia"
import type { Api } from "./api.ts"
import type { User } from "./data.ts"
import { PluginError } from "./errors.ts"
import type { PluginDefinition } from "./plugin.ts"
import { testApiStatus } from "./testing-api.ts"

export type TestApp = { request(path: string, init: RequestInit, user: User | null): Promise<Response> }

/** The plugin's routes on an app of their own, with the host's prefix, context, credentials and problem documents. */
export function createTestApp(
  definition: PluginDefinition,
  settings: Record<string, unknown>,
  apiFor: (user: User | null) => Api,
): TestApp {
  const { id, name, version } = definition
  const prefix = `/api/v2/plugins/${id}`
  const users = new WeakMap<Request, User | null>()
  const open = new Set<string>()

  const app: AnyElysia = new Elysia({ prefix, handler: { standardHostname: false } })
  app
    .macro({ auth: (on: boolean) => ({ config: { open: !on } }) })
    .decorate({ plugin: { id, name, version }, settings })
    .derive({ as: "global" }, ({ request, route }) => {
      const user = users.get(request) ?? null
      if (user || open.has(`${request.method} ${route}`)) return { user, api: apiFor(user) }
      throw new PluginError("There are no credentials", { code: "UNAUTHENTICATED" })
    })
  definition.routes?.(app as never)

  const toAnswer = ({ error, code }: { error: unknown; code: unknown }) => toProblem(error, code, id)
  for (const { method, path, hooks } of app.routes) {
    if ([hooks.config].flat().some((config) => config?.open)) open.add(`${method} ${path}`)
    // After the plugin's own handlers, as in the host; in place, because Elysia reads this very object.
    hooks.error = [...[hooks.error ?? []].flat(), { fn: toAnswer }]
  }
  app.onError(toAnswer as never)

  return {
    async request(path, init, user) {
      const request = new Request(`http://localhost${prefix}${path}`, init)
      users.set(request, user)
      return app.handle(request)
    },
  }
}

type Problem = { status: number; code: string; detail: string; errors?: object[] }

function toProblem(error: unknown, code: unknown, plugin: string): Response {
  const problem = describe(error, code)
  return Response.json(
    { type: "about:blank", ...problem, plugin },
    { status: problem.status, headers: { "content-type": "application/problem+json" } },
  )
}

function describe(error: unknown, code: unknown): Problem {
  const detail = error instanceof Error ? error.message : String(error)
  if (code === "NOT_FOUND") return { status: 404, code, detail: "There is no such route" }
  if (code === "PARSE") return { status: 400, code: "BODY_INVALID", detail: "The body is not valid JSON" }
  if (code === "VALIDATION") return toValidationProblem(error as { all: { path?: string; summary?: string }[] })
  if (!(error instanceof PluginError)) return { status: 500, code: "PLUGIN_FAILED", detail }
  if (error.code === "UNAUTHENTICATED") return { status: 401, code: error.code, detail }
  return { status: testApiStatus(error) ?? 400, code: error.code, detail }
}

function toValidationProblem({ all }: { all: { path?: string; summary?: string }[] }): Problem {
  const errors = all.map(({ path = "", summary = "does not fit" }) => ({
    path: path.slice(1).replaceAll("/", "."),
    message: summary,
    code: "INVALID",
  }))
  return { status: 422, code: "VALIDATION_FAILED", detail: "The request does not fit", errors }
}
