import { PagodaError, toMessage, toPagodaError } from "../errors.ts"
import type { FetchApiContext } from "./api-fetch.ts"
import { checkAddress, toPermittedHost, toShown } from "./fetch/address.ts"
import { fetchAt } from "./fetch/fetch-at.ts"
import { overLimit } from "./over-limit.ts"
import { readUrl } from "./source/url.ts"

const maxRedirects = 5
const redirects = [301, 302, 303, 307, 308]
/** What only the connection may say, or would say to another host than the one that was granted. */
const ownHeaders = ["host", "connection", "transfer-encoding", "content-length", "proxy-authorization", "upgrade"]
/** What is for the one origin that it was given for. */
const originHeaders = ["authorization", "cookie"]

type Asked = { url: string; method: string; headers: Headers; body: Uint8Array<ArrayBuffer> | undefined }

/**
 * An HTTP request of a plugin: to hosts that were granted alone, over every redirect; without anything of the host's own,
 * no cookie and no credentials; within the plugin's limits. The answer is read to its end, so that it is what a job
 * process can be given as well.
 *
 * @throws PERMISSION_MISSING, FETCH_REFUSED, FETCH_FAILED, FETCH_TIMEOUT, FETCH_TOO_LARGE
 */
export async function fetchGranted(input: string, init: RequestInit, context: FetchApiContext): Promise<Response> {
  const { limits } = context
  const late = AbortSignal.timeout(limits.values.fetch_ms)
  const signal = init.signal ? AbortSignal.any([late, init.signal]) : late
  try {
    const asked = await toAsked(input, init, signal)
    const response = await follow(asked, String(init.redirect ?? "follow"), signal, context)
    return await read(response, input, context)
  } catch (error) {
    if (!late.aborted) throw toFetchError(input, error)
    limits.refuse("fetch_ms")
    throw overLimit(limits, "fetch_ms", `fetch "${toShown(input)}" in time`)
  }
}

async function follow(first: Asked, mode: string, signal: AbortSignal, context: FetchApiContext): Promise<Response> {
  let asked = first
  for (let count = 0; ; count++) {
    const addresses = await inTime(checkGranted(asked.url, context), signal)
    // nothing else that the plugin gave: Bun's fetch also takes a socket, a proxy, and a certificate that need not fit
    const { url, ...request } = asked
    const response = await fetchAt(url, addresses, { ...request, redirect: "manual", signal })
    const location = redirects.includes(response.status) ? response.headers.get("location") : null
    if (location === null || mode === "manual") return response
    await response.body?.cancel()
    if (mode === "error") throw failed(url, "it is redirected")
    if (count >= maxRedirects) throw failed(first.url, `it is redirected more than ${maxRedirects} times`)
    const next = URL.parse(location, url)
    if (!next) throw failed(url, "it is redirected to what is no URL")
    asked = redirect(asked, next, response.status)
  }
}

/** As browsers do it: only 307 and 308 keep the method and the body. */
function redirect({ url, method, headers, body }: Asked, next: URL, status: number): Asked {
  const kept = new Headers(headers)
  if (new URL(url).origin !== next.origin) for (const name of originHeaders) kept.delete(name)
  if (status === 307 || status === 308 || method === "GET" || method === "HEAD")
    return { url: next.href, method, headers: kept, body }
  kept.delete("content-type")
  return { url: next.href, method: "GET", headers: kept, body: undefined }
}

async function checkGranted(url: string, { need }: FetchApiContext): Promise<string[]> {
  const read = readUrl(url, ["https:", "http:"])
  if (typeof read === "string") throw new PagodaError("FETCH_REFUSED", `Cannot fetch "${toShown(url)}": ${read}`)
  need(`net:${read.hostname.replace(/^\[|\]$/g, "")}`)
  // a grant that names a private address means it; a name that leads to one does not
  return checkAddress(url, toPermittedHost(url))
}

async function toAsked(url: string, init: RequestInit, signal: AbortSignal): Promise<Asked> {
  const { body: given, method: wanted = "GET" } = init
  const method = String(wanted).toUpperCase()
  const headers = new Headers(init.headers)
  for (const name of ownHeaders) headers.delete(name)
  if (!headers.has("user-agent")) headers.set("user-agent", "Pagoda")
  if (given === undefined || given === null) return { url, method, headers, body: undefined }
  const body = new Response(given)
  const type = body.headers.get("content-type")
  if (type && !headers.has("content-type")) headers.set("content-type", type)
  return { url, method, headers, body: new Uint8Array(await inTime(body.arrayBuffer(), signal)) }
}

/** A stream of the plugin's own may never end, and who knows names may take long. */
async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = Promise.withResolvers<never>()
  const stop = () => late.reject(signal.reason)
  if (signal.aborted) stop()
  signal.addEventListener("abort", stop)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    signal.removeEventListener("abort", stop)
  }
}

async function read(response: Response, asked: string, { limits }: FetchApiContext): Promise<Response> {
  const { status, statusText, body } = response
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (body as AsyncIterable<Uint8Array> | null) ?? []) {
    size += chunk.byteLength
    if (size > limits.values.fetch_bytes) {
      limits.refuse("fetch_bytes")
      throw overLimit(limits, "fetch_bytes", `fetch "${toShown(asked)}"`)
    }
    chunks.push(chunk)
  }
  const headers = new Headers(response.headers)
  // the bytes are decoded already
  for (const name of ["content-encoding", "content-length", "transfer-encoding"]) headers.delete(name)
  return new Response(size === 0 ? null : Buffer.concat(chunks), { status, statusText, headers })
}

const codes = { SOURCE_REFUSED: "FETCH_REFUSED", SOURCE_UNREACHABLE: "FETCH_FAILED" } as const

/** What checks addresses speaks of sources. */
function toFetchError(url: string, error: unknown): PagodaError {
  const ours = toPagodaError(error)
  if (!ours) return failed(url, toMessage(error), error)
  const code = codes[ours.code as keyof typeof codes]
  return code ? new PagodaError(code, ours.message, { cause: ours }) : ours
}

function failed(url: string, why: string, cause?: unknown): PagodaError {
  return new PagodaError("FETCH_FAILED", `Cannot fetch "${toShown(url)}": ${why}`, { cause })
}
