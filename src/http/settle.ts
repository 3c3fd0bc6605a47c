import { createProblem, isOurs, respond } from "./problem.ts"
import { readText } from "./text.ts"

/** A longer error body of a plugin's own is not carried over. */
const MAX_BYTES = 64 * 1024

/** Errors are problem documents, whoever wrote them: the members of another body stand beside ours. */
export function settle(response: Response, plugin: string | undefined): Response | Promise<Response> {
  // a socket that was upgraded has no response
  if (!response || response.status < 400 || isOurs(response)) return response
  return toProblemDocument(response, plugin)
}

async function toProblemDocument(response: Response, plugin: string | undefined): Promise<Response> {
  const own = toMembers(await readBody(response))
  const code = typeof own.code === "string" ? own.code : (codes[response.status] ?? "PLUGIN_ERROR")
  const problem = createProblem(code, response.status, toDetail(own) ?? `The answer is ${response.status}`)
  if (typeof own.type === "string") problem.type = own.type
  if (typeof own.title === "string") problem.title = own.title
  if (plugin !== undefined) problem.plugin = plugin
  const headers = Object.fromEntries(response.headers)
  delete headers["content-length"]
  delete headers["content-encoding"]
  return respond({ ...own, ...problem }, headers)
}

function toDetail({ detail, message, error }: Record<string, unknown>): string | undefined {
  return [detail, message, error].find((text) => typeof text === "string" && text !== "") as string | undefined
}

function toMembers(text: string | undefined): Record<string, unknown> {
  if (text === undefined || text === "") return {}
  const value = parse(text)
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  return value === undefined ? (text.trimStart().startsWith("<") ? {} : { detail: text }) : { body: value }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Nothing when the body is too long, or no text. */
async function readBody(response: Response): Promise<string | undefined> {
  if (!response.body) return undefined
  if (/json|text|^$/i.test(response.headers.get("content-type") ?? "")) return readText(response.body, MAX_BYTES)
  await response.body.cancel()
}

const codes: Record<number, string> = {
  400: "PLUGIN_ERROR",
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  409: "CONFLICT",
  413: "BODY_TOO_LARGE",
  415: "MEDIA_TYPE_UNSUPPORTED",
  422: "VALIDATION_FAILED",
}
