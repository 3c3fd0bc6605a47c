import { STATUS_CODES } from "node:http"
import { pluginPrefix } from "../plugins/mount.ts"

type Media = { schema?: { properties?: Record<string, { format?: string; items?: { format?: string } }> } }
type Body = { description?: string; required?: boolean; content: Record<string, Media> }
type Response = { description?: string; content?: Record<string, Media>; $ref?: string }

type Parameter = {
  name: string
  in: string
  required?: boolean
  description?: string
  schema?: { description?: string }
}

export type Operation = {
  operationId: string
  summary: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: Body
  responses: Record<string, Response>
  [key: string]: unknown
}

export type OperationPlace = { method: string; path: string; plugin: string | undefined; isPublic: boolean }

/** What the generator leaves out or says too much of. */
export function toOperation(found: Partial<Operation>, { method, path, plugin, isPublic }: OperationPlace): Operation {
  const operation: Operation = {
    ...found,
    summary: found.summary || `${method.toUpperCase()} ${toShort(path, plugin)}`,
    tags: plugin === undefined ? (found.tags ?? ["core"]) : [plugin],
    operationId: toOperationId(method, path),
    security: isPublic ? [] : [{ token: [] }, { session: [] }],
    responses: toResponses(found.responses ?? {}),
  }
  if (found.parameters) operation.parameters = found.parameters.map(toParameter)
  if (found.requestBody) operation.requestBody = toBody(found.requestBody)
  return operation
}

function toShort(path: string, plugin: string | undefined): string {
  return plugin === undefined ? path : path.slice(pluginPrefix(plugin).length)
}

/** What has a default may be left out; Swagger UI shows the description of the parameter, not of its schema. */
function toParameter({ schema, ...parameter }: Parameter): Parameter {
  if (!schema) return parameter
  const { description, ...rest } = schema
  const shown = description === undefined ? parameter : { description, ...parameter }
  return { ...shown, ...("default" in rest && { required: false }), schema: rest }
}

/** The method and the path are unique, so that this is, and it stays when other routes come and go. */
function toOperationId(method: string, path: string): string {
  const words = path.replace(/^\/api\/v2/, "").split(/[^\w-]+/)
  return [method, ...words].filter((word) => word !== "").join("_") + (path.endsWith("*") ? "_rest" : "")
}

function toResponses(found: Record<string, Response>): Record<string, Response> {
  const responses: Record<string, Response> = {}
  for (const [status, response] of Object.entries(found)) {
    const { content, ...rest } = response
    const isSaid = response.description && response.description !== `Response for status ${status}`
    const description = isSaid ? response.description : STATUS_CODES[status] || `Status ${status}`
    responses[status] = status === "204" || !content ? { ...rest, description } : { ...response, description }
  }
  const isAnswered = Object.keys(responses).some((status) => /^[123]/.test(status))
  return {
    ...(isAnswered ? {} : { "2XX": { description: "What the route answers", content: { "application/json": {} } } }),
    ...responses,
    default: problem,
  }
}

const problem = { $ref: "#/components/responses/Problem" }

/** One media type a body, of those that say the same: a form where there is a file, JSON where it can be. */
function toBody({ content, ...body }: Body): Body {
  const names = Object.keys(content)
  if (new Set(Object.values(content).map((media) => JSON.stringify(media))).size > 1) return { ...body, content }
  const hasFile = Object.values(content).some(({ schema }) =>
    Object.values(schema?.properties ?? {}).some(
      ({ format, items }) => format === "binary" || items?.format === "binary",
    ),
  )
  const wanted = hasFile ? "multipart/form-data" : "application/json"
  const name = names.includes(wanted) ? wanted : names[0]
  return { ...body, content: name === undefined ? { "application/json": {} } : { [name]: content[name] ?? {} } }
}
