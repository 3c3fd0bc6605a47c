import { ElysiaCustomStatusResponse, InvalidCookieSignature, NotFoundError, ParseError, ValidationError } from "elysia"
import { catalogue, type ErrorCode, type Issue, PagodaError, toPagodaError } from "../errors.ts"
import type { Log } from "../log.ts"
import { apiErrorStatus, blamedPlugin } from "../plugins/api-error.ts"
import { toIssueList } from "./validation.ts"

export const problemType = "application/problem+json"

/** What every error is answered with (RFC 9457). */
export type Problem = {
  type: string
  title: string
  status: number
  detail: string
  code: string
  errors?: Issue[]
  plugin?: string
}

/** Where an error came up. */
export type Origin = { request: Request; plugin: string | undefined; log: Log; onPluginFailure?: OnPluginFailure }

/** Told of what a plugin did not mean to do. */
export type OnPluginFailure = ((plugin: string, error: unknown) => void) | undefined

export function createProblem(code: string, status: number, detail: string, more: Partial<Problem> = {}): Problem {
  const title = code in catalogue ? catalogue[code as ErrorCode][1] : (statusTitles[status] ?? "The request failed")
  return { type: `urn:pagoda:error:${code}`, title, status, detail, code, ...more }
}

const made = new WeakSet<Response>()

export function respond(problem: Problem, headers?: Record<string, string>): Response {
  const response = new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { ...headers, "content-type": problemType, "x-content-type-options": "nosniff" },
  })
  made.add(response)
  return response
}

/** Whether `respond` made it. */
export function isOurs(response: Response): boolean {
  return made.has(response)
}

export function toProblemResponse(thrown: unknown, origin: Origin): Response {
  if (thrown instanceof ElysiaCustomStatusResponse) return toResponse(thrown)
  const error = unwrap(thrown)
  return respond(toProblem(error, origin), error instanceof PagodaError ? headersOf(error) : undefined)
}

/** What anything that was thrown is answered with. Only errors made on purpose say what they say. */
export function toProblem(thrown: unknown, origin: Origin): Problem {
  const error = unwrap(thrown)
  const plugin = origin.plugin ?? blamedPlugin(error)
  if (error instanceof PagodaError) {
    if (error.status >= 500) report(error, origin)
    return createProblem(
      error.code,
      error.status,
      error.message,
      named({ errors: error.issues, plugin: plugin ?? error.plugin }),
    )
  }
  const meant = plugin === undefined ? undefined : fromPlugin(error, plugin)
  return meant ?? fromElysia(error, origin) ?? unexpected(error, { ...origin, plugin })
}

function fromElysia(error: unknown, origin: Origin): Problem | undefined {
  const plugin = origin.plugin
  if (error instanceof ParseError) {
    const mediaType = origin.request.headers.get("content-type")
    return createProblem("BODY_INVALID", 400, `Cannot read the body: it is not valid "${mediaType}"`, named({ plugin }))
  }
  // an answer that does not fit its own schema is the route's mistake, not the caller's
  if (error instanceof ValidationError && error.type !== "response") return invalidRequest(error, origin)
  if (error instanceof NotFoundError) return createProblem("NOT_FOUND", 404, nothingAt(origin), named({ plugin }))
  if (error instanceof InvalidCookieSignature) {
    return createProblem("BODY_INVALID", 400, error.message, named({ plugin }))
  }
}

function invalidRequest(error: ValidationError, origin: Origin): Problem {
  const plugin = origin.plugin
  const errors = toIssueList(error)
  const where = places[error.type] ?? "request"
  return createProblem(
    "VALIDATION_FAILED",
    422,
    `The ${where} does not fit: ${summary(errors)}`,
    named({ errors, plugin }),
  )
}

const places: Record<string, string> = { body: "body", query: "query", params: "path" }

type Thrown = { name?: unknown; message: string; code?: unknown; path?: unknown; cause?: unknown }

function fromPlugin(error: unknown, plugin: string): Problem | undefined {
  const { name, message, code, path, cause } = (error ?? {}) as Thrown
  const status = apiErrorStatus(error) ?? (typeof name === "string" && pluginErrors.has(name) ? 400 : undefined)
  // what went wrong inside of the plugin, its own queries included, is for the log
  if (status === undefined || status === 500 || typeof code !== "string") return undefined
  const own = typeof path === "string" ? [{ path, message: String(message), code }] : undefined
  // an error of the SDK has room for one problem; that of the core, which it was made of, has them all
  const errors = toPagodaError(cause)?.issues ?? own
  return createProblem(code, status, String(message), named({ errors, plugin }))
}

function unexpected(error: unknown, origin: Origin): Problem {
  const { plugin } = origin
  report(error, origin)
  if (plugin !== undefined && !isClientGone(error, origin)) origin.onPluginFailure?.(plugin, error)
  return plugin === undefined
    ? createProblem("INTERNAL", 500, "The request failed: the log says why")
    : createProblem("PLUGIN_FAILED", 500, `Plugin "${plugin}" failed: the log says why`, { plugin })
}

/** Who goes away while his body is read makes reading fail, which is not the plugin's failure. */
function isClientGone(error: unknown, { request }: Origin): boolean {
  if (request.signal.aborted) return true
  return error instanceof DOMException && error.name === "AbortError" && /connection was closed/i.test(error.message)
}

function report(error: unknown, { request, plugin, log }: Origin): void {
  log.error(`Cannot answer ${request.method} ${pathOf(request)}`, named({ plugin, error }))
  if (error instanceof PagodaError && error.cause) log.error("It was caused by", named({ plugin, error: error.cause }))
}

export function notJson(mediaType: string | null): string {
  return `The body is ${mediaType ? `"${mediaType}"` : "of no media type"}, wanted "application/json"`
}

/** A route may throw what `status()` makes as well as return it. */
function toResponse({ code, response }: ElysiaCustomStatusResponse<number>): Response {
  const init = { status: Number(code) }
  return typeof response === "string" ? new Response(response, init) : Response.json(response ?? null, init)
}

/** Elysia hides what a parser throws in the cause of its own error. */
function unwrap(thrown: unknown): unknown {
  if (!(thrown instanceof ParseError)) return thrown
  const { cause } = thrown
  return cause instanceof PagodaError || (cause instanceof Error && pluginErrors.has(cause.name)) ? cause : thrown
}

function headersOf(error: PagodaError): Record<string, string> | undefined {
  return error.status === 401 ? { "www-authenticate": "Bearer", ...error.headers } : error.headers
}

function nothingAt({ request }: Origin): string {
  return `There is nothing at "${pathOf(request)}"`
}

/** Without the query, which may hold what is nobody else's business. */
function pathOf({ url }: Request): string {
  return URL.parse(url)?.pathname ?? ""
}

function summary(issues: Issue[]): string {
  return (
    issues.map(({ path, message }) => (path ? `"${path}": ${message}` : message)).join("; ") || "no reason is known"
  )
}

/** Only the members that are there. */
function named<Members extends object>(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Members
}

const pluginErrors = new Set([
  "PluginError",
  "PluginLoadError",
  "PluginValidationError",
  "PluginSecurityError",
  "PluginDependencyError",
])

const statusTitles: Record<number, string> = {
  400: "The request is wrong",
  401: catalogue.UNAUTHENTICATED[1],
  403: catalogue.FORBIDDEN[1],
  404: catalogue.NOT_FOUND[1],
  405: catalogue.METHOD_NOT_ALLOWED[1],
  409: catalogue.CONFLICT[1],
  412: "The version is stale",
  413: catalogue.BODY_TOO_LARGE[1],
  415: catalogue.MEDIA_TYPE_UNSUPPORTED[1],
  422: catalogue.VALIDATION_FAILED[1],
  429: "There were too many requests",
  500: catalogue.PLUGIN_FAILED[1],
}
