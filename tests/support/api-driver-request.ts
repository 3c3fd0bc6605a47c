import { attributeChanges, attributeList, entryAttrs, entryFilters } from "./api-driver-data.ts"
import type { Kind, Memory } from "./api-driver-memory.ts"
import { breakValue, oddValue, randomJson, type Sampling, sample, tooLarge } from "./api-driver-values.ts"
import type { Operation, Schema } from "./openapi.ts"
import type { Random } from "./random.ts"

export type DrivenRequest = {
  method: string
  /** The document has no such method at this path. */
  isMisplaced: boolean
  path: string
  headers: Record<string, string>
  body?: string | Uint8Array
}

export type RequestOptions = {
  random: Random
  memory: Memory
  resolve(ref: string): Schema
  fresh(): number
  /** The plugin that has overrides. */
  overriding: string
  /** Who may log in. */
  credentials: { username: string; password: string }
  /** Whether the document has it. */
  isDescribed(method: string, path: string): boolean
  /** Never changed or deleted by their id: the driver needs them. */
  isProtected(id: unknown): boolean
}

const flaws = ["body", "body", "body", "text", "query", "path", "method"] as const

/** A request for the operation: as it should be half of the time, else broken in one way. */
export function makeRequest(operation: Operation, options: RequestOptions): DrivenRequest {
  const { random } = options
  const flaw = random.chance(0.5) ? "none" : random.pick(flaws)
  const ids: Record<string, unknown> = {}
  const path = operation.path.replace(/([^/]+)\/\{([^}]+)\}/g, (_, kind: string, name: string) => {
    ids[name] = pathValue(operation, kind, options)
    return `${kind}/${toSegment(flaw === "path" && random.chance(0.8) ? oddValue(random) : ids[name])}`
  })
  const headers: Record<string, string> = {}
  for (const { in: place, name, schema } of operation.parameters) {
    if (place === "header" && random.chance(0.5)) headers[name] = random.pick(headerValues(schema, options))
  }
  const method = flaw === "method" ? random.pick(["PUT", "PATCH", "DELETE", "POST", "GET"]) : operation.method
  const isMisplaced = !options.isDescribed(method, operation.path)
  const request: DrivenRequest = {
    method,
    isMisplaced,
    path: path + queryOf(operation, ids.id, flaw === "query", options),
    headers,
  }
  if (method !== operation.method && !isMisplaced) return { ...request, method: operation.method }
  if (operation.body && method !== "GET") addBody(request, operation, ids.id, flaw, options)
  if (flaw === "path" && random.chance(0.2))
    request.path = request.path.replace(/(\?|$)/, random.pick(["/$1", "%$1", "%ff$1"]))
  return request
}

/** The server itself refuses requests whose address is longer than 16 KiB. */
const mostCharacters = 500

function pathValue(
  { method }: Operation,
  kind: string,
  { memory, random, isProtected, fresh }: RequestOptions,
): unknown {
  const ids = memory.ids(kind as Kind).filter((id) => method === "GET" || !isProtected(id))
  if (ids.length === 0 || random.chance(0.05)) return random.pick([0, 1, 999_999, `name-${fresh()}`])
  return random.chance(0.5) ? ids.at(-1) : random.pick(ids)
}

function toSegment(value: unknown): string {
  const text = (typeof value === "object" ? JSON.stringify(value) : String(value)).slice(0, mostCharacters)
  return encodeURIComponent(text.toWellFormed()) || "%20"
}

/** What a client can send: header values are Latin-1 without controls. */
function headerValues(schema: Schema, { random }: RequestOptions): string[] {
  const numbers = [
    String(random.between(1, 3)),
    `"${random.between(1, 3)}"`,
    "0",
    "-1",
    "1.5",
    "*",
    "x",
    '""',
    "1".repeat(400),
  ]
  return schema.type === "integer" ? numbers.slice(0, 5) : numbers
}

function queryOf(operation: Operation, id: unknown, isBroken: boolean, options: RequestOptions): string {
  const { random, memory } = options
  const query = new URLSearchParams()
  for (const { in: place, name, schema, required } of operation.parameters) {
    if (place !== "query" || !(required || random.chance(0.25))) continue
    const value =
      isBroken && random.chance(0.5) ? oddValue(random) : sample(schema, name, samplingOf(operation, id, options))
    for (const one of [value].flat(1)) query.append(name, toText(one))
  }
  if (operation.method === "GET" && operation.path.endsWith("/entries")) {
    const entity = memory.entity(id ?? query.get("entity"))
    for (const [name, value] of entryFilters(entity, random)) query.append(name, value)
  }
  if (isBroken && random.chance(0.4))
    query.append(random.pick(["limit", "extra", "filter", "filter[", "__proto__"]), "-1")
  return query.size > 0 ? `?${query}` : ""
}

function toText(value: unknown): string {
  return (typeof value === "string" ? value : (JSON.stringify(value) ?? "")).slice(0, mostCharacters)
}

function addBody(
  request: DrivenRequest,
  operation: Operation,
  id: unknown,
  flaw: string,
  options: RequestOptions,
): void {
  const { random } = options
  const { type, schema, required } = operation.body!
  if (!required && random.chance(0.2)) return
  request.headers["content-type"] = type
  let value = sample(schema, "", samplingOf(operation, id, options))
  if (flaw === "body") value = random.chance(0.9) ? breakValue(value, random) : randomJson(random, 4)
  const text = (JSON.stringify(value) ?? "").replaceAll(`"${tooLarge}"`, "1e999")
  if (flaw === "text") spoil(request, text, random)
  else request.body = text
}

function spoil(request: DrivenRequest, text: string, random: Random): void {
  const ways: Record<string, () => string | Uint8Array> = {
    cut: () => text.slice(0, -1),
    empty: () => "",
    bom: () => `\ufeff${text}`,
    twice: () => text + text,
    deep: () => "[".repeat(20_000) + "]".repeat(20_000),
    bytes: () => new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    nan: () => text.replace(/:/, ":NaN,"),
    html: () => "<html>",
    form: () => "a=1&b=2",
    untyped: () => text,
    "other charset": () => text,
  }
  const way = random.pick(Object.keys(ways))
  request.body = ways[way]!()
  if (way === "html") request.headers["content-type"] = "text/html"
  if (way === "form") request.headers["content-type"] = "application/x-www-form-urlencoded"
  if (way === "untyped")
    request.headers["content-type"] = random.pick(["text/plain", "application/xml", "x", "application/json5"])
  if (way === "other charset") request.headers["content-type"] = "application/json; charset=utf-16"
}

function samplingOf({ path, method }: Operation, id: unknown, options: RequestOptions): Sampling {
  const { random, memory, resolve, fresh, credentials, overriding } = options
  const isEntities = /\/entities(\/\{\w+\})?$/.test(path)
  const isEntries = /\/entries(\/\{\w+\})?$/.test(path)
  return {
    random,
    resolve,
    fresh,
    known: memory.byField,
    special(field) {
      if (field === "" || random.chance(0.1)) return undefined
      if (field === "attrs" && isEntities) {
        return method === "POST" ? attributeList(memory, random) : attributeChanges(memory.entity(id), memory, random)
      }
      if (field === "attrs" && isEntries) {
        const entity = path.includes("/entities/") ? memory.entity(id) : memory.entityOfEntry(id)
        return entryAttrs(entity, memory, random)
      }
      if (path.endsWith("/override") && field === "plugin") return overriding
      if (field === "item_name_pattern") return random.pick(["", "", "", "^n", "(a+)+$", "["])
      if (field === "default_permission") return random.pick(["nothing", "readable", "writable", "full"])
      if (path.endsWith("/auth/login") && field in credentials) return credentials[field as keyof typeof credentials]
    },
  }
}
