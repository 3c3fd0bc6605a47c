import Ajv, { type ErrorObject } from "ajv/dist/2020"
import addFormats from "ajv-formats"

export type Schema = { [key: string]: any }
export type Parameter = { name: string; in: "path" | "query" | "header" | "cookie"; required?: boolean; schema: Schema }
type Media = Record<string, { schema?: Schema }>
type Described = { description?: string; content?: Media; $ref?: string }

export type Operation = {
  method: string
  /** As the document has it, with `{id}` for a parameter. */
  path: string
  isOpen: boolean
  parameters: Parameter[]
  body?: { type: string; schema: Schema; required: boolean }
  responses: Record<string, Described>
}

export type OpenApi = {
  paths: Record<string, Record<string, any>>
  components: { schemas: Record<string, Schema>; responses: Record<string, Described> }
}

export type Answered = { status: number; type: string | null; body: string }

/** Every operation of the document, in its order. */
export function operationsOf({ paths }: OpenApi): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, found]) => {
      const { parameters = [], responses, security, requestBody } = found
      const [type, media] = Object.entries<{ schema?: Schema }>(requestBody?.content ?? {})[0] ?? []
      return {
        method: method.toUpperCase(),
        path,
        isOpen: security.length === 0,
        parameters,
        responses,
        ...(type && { body: { type, schema: media?.schema ?? {}, required: requestBody.required === true } }),
      }
    }),
  )
}

/** What an answer has that the document does not say, or nothing. A list of problems stands for any error. */
export function createAnswerCheck(document: OpenApi): (operation: Operation, answer: Answered) => string | undefined {
  const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false })
  addFormats(ajv as never)
  const closed = close(structuredClone(document)) as OpenApi
  ajv.addSchema(closed, "api")
  const resolve = (described: Described): Described =>
    described.$ref ? document.components.responses[described.$ref.split("/").at(-1)!]! : described

  return ({ method, path, responses }, { status, type, body }) => {
    const key = [String(status), `${String(status)[0]}XX`].find((name) => responses[name]) ?? "default"
    const found = responses[key]
    if (!found || (key === "default" && status < 400)) return `the status ${status} is not described`
    const { content = {} } = resolve(found)
    const media = type?.split(";")[0] ?? ""
    if (Object.keys(content).length === 0) return body === "" ? undefined : `a body, where none is described`
    const described = content[media]
    if (!described) return `the media type "${media}", described is "${Object.keys(content).join('", "')}"`
    if (!described.schema || !media.endsWith("json")) return undefined
    const at = found.$ref ?? `#/paths/${toPointer(path)}/${method.toLowerCase()}/responses/${key}`
    const validate = ajv.getSchema(`api${at}/content/${toPointer(media)}/schema`)
    if (!validate) return `a schema that cannot be found for ${status}`
    return validate(JSON.parse(body)) ? undefined : toText(validate.errors ?? [])
  }
}

function toText(errors: ErrorObject[]): string {
  const texts = errors.map(
    ({ instancePath, message, params }) => `body${instancePath} ${message} ${JSON.stringify(params)}`,
  )
  return texts.slice(0, 5).join("; ")
}

function toPointer(part: string): string {
  return encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))
}

/** What an answer's schema does not name must not be in the answer. Problem documents may have members of their own. */
function close(value: any, name = ""): any {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item) => close(item))
  const made = Object.fromEntries(Object.entries(value).map(([key, member]) => [key, close(member, key)]))
  const isObject = [made.type].flat().includes("object") && made.properties && !("additionalProperties" in made)
  return isObject && name !== "Problem" && !made.allOf ? { ...made, additionalProperties: false } : made
}
