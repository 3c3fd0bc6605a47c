import { lookAgain } from "./api-driver-again.ts"
import { createMemory, type Kind, type Memory } from "./api-driver-memory.ts"
import { type DrivenRequest, makeRequest } from "./api-driver-request.ts"
import { type Answered, createAnswerCheck, type OpenApi, type Operation, operationsOf, type Schema } from "./openapi.ts"
import { createRandom } from "./random.ts"

/** Somebody who asks, by headers alone. "look": a page of another site with an admin's cookie. */
export type Actor = {
  name: string
  headers: Record<string, string>
  may: "all" | "use" | "read" | "look" | "nothing"
}

export type DriveOptions = {
  url: string
  seed: number
  requests: number
  actors: Actor[]
  credentials: { username: string; password: string }
  protectedIds: ReadonlySet<string>
  /** The id of a plugin that overrides all operations. */
  overriding: string
  /** How many requests are under way at once; with more than one a seed does not say all that happens. */
  lanes?: number
  /** How many milliseconds an answer may take. */
  patience?: number
}

export type Finding = {
  number: number
  actor: string
  operation: string
  request: string
  body: string
  status: number
  answer: string
  what: string
}

export type Drive = {
  findings: Finding[]
  /** Operation → how often each status was its answer. */
  seen: Map<string, Map<number, number>>
}

/** Asks at random all that the host's own document offers. */
export async function driveApi(options: DriveOptions): Promise<Drive> {
  const { url, seed, requests, actors, credentials, protectedIds, overriding, lanes = 1, patience = 15_000 } = options
  const random = createRandom(seed)
  const memory = createMemory(random)
  const document = (await (await fetch(`${url}/swagger/json`)).json()) as OpenApi
  const check = createAnswerCheck(document)
  const operations = operationsOf(document).filter(isDriven)
  const lots = operations.flatMap((operation) => Array<Operation>(weightOf(operation)).fill(operation))
  const seen = new Map(operations.map((operation) => [nameOf(operation), new Map<number, number>()]))
  const findings: Finding[] = []
  let given = 0
  const isProtected = (id: unknown) => protectedIds.has(String(id))
  const isDescribed = (method: string, path: string) => seen.has(`${method} ${path}`)
  const resolve = (ref: string): Schema => document.components.schemas[ref.split("/").at(-1)!]!
  const making = { random, memory, resolve, credentials, overriding, isProtected, fresh: () => given++, isDescribed }

  async function one(number: number, among: Operation[]): Promise<void> {
    const operation = random.pick(among)
    const actor = random.pick(actors)
    // it would end the session that the others of this actor need
    if (operation.path.endsWith("/logout") && actor.headers.cookie) return
    const request = makeRequest(operation, making)
    const answer = await ask(url, actor, request, patience)
    const counts = seen.get(nameOf(operation))!
    counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1)
    if (answer.status < 300 && answer.type?.includes("json")) memory.remember(parse(answer.body))
    if (answer.status === 204 && operation.method === "DELETE") forgetIn(memory, request.path)
    const what =
      judge(operation, actor, request, answer) ?? (request.isMisplaced ? undefined : check(operation, answer))
    if (what !== undefined) findings.push(toFinding(number, actor, operation, request, answer, what))
    else if (lanes === 1 && answer.status < 300) await look(number, operation, actor, request, parse(answer.body))
  }

  async function look(number: number, operation: Operation, actor: Actor, request: DrivenRequest, body: unknown) {
    // who is no admin may give his own right away
    if (actor.may !== "all" && /\/(acl|roles\/\{id\})$/.test(operation.path)) return
    const again = lookAgain(operation, request.path, body)
    if (!again) return
    const reading = { method: "GET", path: again.path, headers: {}, isMisplaced: false }
    const answer = await ask(url, actor, reading, patience)
    const what = again.judge(answer.status, parse(answer.body))
    if (what !== undefined) findings.push(toFinding(number, actor, operation, reading, answer, what))
  }

  let number = 0
  const drive = async () => {
    while (number < requests) await one(number++, lots)
  }
  const isUnreached = (operation: Operation) => {
    return ![...seen.get(nameOf(operation))!.keys()].some((status) => status < 300)
  }
  await Promise.all(Array.from({ length: lanes }, drive))
  // what luck has left out is asked until it is answered, beside all that it may need to be there
  for (const last = number + requests / 2; number < last && operations.some(isUnreached); ) {
    await one(number++, [
      ...lots,
      ...operations.filter(isUnreached).flatMap((left) => Array<Operation>(lots.length).fill(left)),
    ])
  }
  return { findings, seen }
}

/** A plugin whose limits are set at random answers 413, 429 and 503 as it should, to whatever is asked. */
function isDriven({ method, path }: Operation): boolean {
  return !(method === "PATCH" && path.endsWith("/limits"))
}

export function nameOf({ method, path }: Pick<Operation, "method" | "path">): string {
  return `${method} ${path}`
}

/** More is made than taken away, and hashing a password is slow. */
function weightOf({ method, path }: Operation): number {
  if (path.endsWith("/auth/login")) return 1
  if (/\/(disable|health\/\w+)$/.test(path)) return 1
  if (path.endsWith("/override")) return 4
  if (/\/(entities|entries)$/.test(path) && method === "POST") return 12
  if (/\/(entities|entries)/.test(path)) return method === "DELETE" && path.includes("/entities/") ? 1 : 6
  if (/\/(groups|roles)/.test(path)) return method === "DELETE" ? 1 : 5
  return method === "DELETE" ? 2 : 3
}

/** Deleted entities and entries can still be read, the others are gone. */
function forgetIn(memory: Memory, path: string): void {
  const [, kind, id] = /\/(groups|roles|tokens|users)\/([^/?]+)/.exec(path) ?? []
  if (kind && id) memory.forget(kind as Kind, decodeURIComponent(id))
}

async function ask(
  url: string,
  actor: Actor,
  { method, path, headers, body }: DrivenRequest,
  patience: number,
): Promise<Answered> {
  const controller = new AbortController()
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(patience)])
  try {
    const response = await fetch(url + path, {
      method,
      headers: { ...headers, ...actor.headers },
      body: body,
      signal,
      redirect: "manual",
    })
    const type = response.headers.get("content-type")
    if (!type?.startsWith("text/event-stream")) return { status: response.status, type, body: await response.text() }
    controller.abort()
    return { status: response.status, type, body: "a stream" }
  } catch (error) {
    return { status: 599, type: null, body: String(error) }
  }
}

/** What no answer may be, whatever the document says. */
function judge(operation: Operation, { may }: Actor, request: DrivenRequest, answer: Answered): string | undefined {
  const { status, type, body } = answer
  if (status >= 500) return "the host failed"
  if (status >= 400 && type !== "application/problem+json") return `an error that is "${type}"`
  if (status >= 400 && (parse(body) as { status: number }).status !== status) return "a problem of another status"
  if (request.isMisplaced) return status < 400 ? "a method that is not described is answered" : undefined
  const { isOpen, path } = operation
  const isWrite = operation.method !== "GET"
  const isFine = status < 300
  if (may === "nothing" && !isOpen && status !== 401 && !isOtherPath(status, request)) {
    return "somebody without credentials is not told so"
  }
  if (may === "look" && isFine && isWrite && !isOpen) return "another site's page wrote"
  if (may !== "all" && may !== "look" && isFine && path.includes("/admin/"))
    return "who is no admin did what admins may"
  const isExport = path.endsWith("/export")
  if (may === "read" && isFine && isWrite && isData.test(path) && !isExport) return "a read-only user wrote"
}

const isData = /^\/api\/v2\/(entities|entries|attributes|users|groups|roles|admin)\b/

/** A path that cannot be read, or of a plugin that is not active, is of no route that could ask for credentials. */
function isOtherPath(status: number, { path }: DrivenRequest): boolean {
  return [400, 404].includes(status) && (path.includes("%") || path.startsWith("/api/v2/plugins/"))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

function toFinding(
  number: number,
  { name }: Actor,
  operation: Operation,
  { method, path, headers, body }: DrivenRequest,
  { status, body: answer }: Answered,
  what: string,
): Finding {
  const sent = typeof body === "string" ? body : body ? `${body.length} bytes` : ""
  const request = `${method} ${path.slice(0, 300)} ${JSON.stringify(headers)}`
  return {
    number,
    actor: name,
    operation: nameOf(operation),
    request,
    body: sent.slice(0, 600),
    status,
    answer: answer.slice(0, 2000),
    what,
  }
}
