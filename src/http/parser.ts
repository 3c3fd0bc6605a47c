import { PagodaError } from "../errors.ts"
import { notJson } from "./problem.ts"
import { readText } from "./text.ts"

type Parser = (context: { request: Request }) => Promise<unknown>

/**
 * Refuses a body that is of no use to the route. Elysia guesses by the thirteenth letter of the media type, so that it
 * reads "application/xml" as a form. The core takes JSON alone; a plugin's object may come as a form as well.
 */
export function parserOf(schema: unknown, plugin: string | undefined): Parser {
  const { type } = schema as { type?: unknown }
  const isAny = plugin !== undefined && type !== "object" && type !== "array"
  return async ({ request }) => {
    if (request.body === null) return undefined
    const given = request.headers.get("content-type")
    const mediaType = given?.split(";")[0]?.trim().toLowerCase() ?? ""
    if (mediaType === "application/json" || /^application\/[^/]+\+json$/.test(mediaType)) return readJson(request)
    if (isAny || (plugin !== undefined && forms.has(mediaType))) return undefined
    throw new PagodaError("MEDIA_TYPE_UNSUPPORTED", notJson(given))
  }
}

/** Far more than a schema is about; files come as forms, which are not held in memory as text. */
const MAX_BYTES = 16 * 1024 * 1024

async function readJson(request: Request): Promise<unknown> {
  const length = request.headers.get("content-length")
  if (length !== null && Number(length) <= MAX_BYTES) return request.json()
  const text = length === null && request.body ? await readText(request.body, MAX_BYTES) : undefined
  if (text !== undefined) return JSON.parse(text)
  throw new PagodaError("BODY_TOO_LARGE", `The body is longer than ${MAX_BYTES} bytes, wanted at most that many`)
}

const forms = new Set(["application/x-www-form-urlencoded", "multipart/form-data"])
