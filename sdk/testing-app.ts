import { type AnyElysia, Elysia } from "elysia"
import type { Api } from "./api.ts"
import type { User } from "./data.ts"
import { PluginError } from "./errors.ts"
import type { PluginDefinition } from "./plugin.ts"
import { testApiStatus } from "./testing-api.ts"
import type { TestSettings } from "./testing-settings.ts"

export type TestApp = { request(path: string, init: RequestInit, user: User | null): Promise<Response> }

/** The plugin's routes or pages on an app of their own, with the host's prefix, context, credentials and problem documents. */
export function createTestApp(
  definition: PluginDefinition,
  field: "routes" | "pages",
  settings: TestSettings,
  apiFor: (user: User | null) => Api,
): TestApp {
  const { id, name, version } = definition
  const prefix = field === "routes" ? `/api/v2/plugins/${id}` : `/plugins/${id}`
  const users = new WeakMap<Request, User | null>()
  const open = new Set<string>()

  const app: AnyElysia = new Elysia({ prefix, handler: { standardHostname: false } })
  app
    .macro({ auth: (on: boolean) => ({ config: { open: !on } }) })
    .decorate({ plugin: { id, name, version }, settings: settings.current })
    .derive({ as: "global" }, ({ request, route }) => {
      const user = users.get(request) ?? null
      if (user || open.has(`${request.method} ${route}`)) return { user, api: apiFor(user), settings: settings.current }
      throw new PluginError("There are no credentials", { code: "UNAUTHENTICATED" })
    })
  definition[field]?.(app as never)

  const toAnswer = ({ error, code }: { error: unknown; code: unknown }) => toProblem(error, code, id)
  for (const { method, path, hooks } of app.routes) {
    if ([hooks.config].flat().some((config) => config?.open)) open.add(`${method} ${path}`)
    const numbers = [toNumbers("query", hooks.query), toNumbers("params", hooks.params)].filter(
      (one) => one !== undefined,
    )
    if (numbers.length > 0) {
      hooks.transform = [...[hooks.transform ?? []].flat(), ...numbers.map((fn) => ({ fn }))] as never
    }
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

type Values = Record<string, unknown>

/** Queries and parameters are text: as in the host, those that the schema calls numbers become numbers. */
function toNumbers(place: "query" | "params", schema: unknown) {
  const { properties = {} } = (schema ?? {}) as { properties?: Record<string, { type?: unknown }> }
  const names = Object.keys(properties).filter((name) => /^(?:integer|number)$/.test(String(properties[name]?.type)))
  if (names.length === 0) return undefined
  return ({ [place]: values }: { query: Values; params: Values }) => {
    for (const name of names) {
      const value = values[name]
      if (typeof value === "string" && /^-?\d+(?:\.\d+)?$/.test(value)) values[name] = Number(value)
    }
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
