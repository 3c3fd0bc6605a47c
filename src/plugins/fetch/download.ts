import { PagodaError, toMessage } from "../../errors.ts"
import type { Budget } from "./budget.ts"

export type DownloadOptions = {
  budget: Budget
  /** The `Authorization` that an address is to have; asked anew for each redirect. */
  authorize?: (url: string) => string | undefined
  /** Whose certificates count; nothing: those of everyone. */
  authorities?: readonly string[] | undefined
  onBytes?: (received: number, total: number | undefined) => void
}

const maxRedirects = 5

/** The bytes at an `http:` or `https:` address, counted while they arrive. */
export async function download(url: string, options: DownloadOptions): Promise<Uint8Array> {
  const response = await followRedirects(url, options)
  const total = Number(response.headers.get("content-length")) || undefined
  const chunks: Uint8Array[] = []
  let received = 0
  try {
    for await (const chunk of (response.body as AsyncIterable<Uint8Array> | null) ?? []) {
      options.budget.spend(chunk.length)
      received += chunk.length
      chunks.push(chunk)
      options.onBytes?.(received, total)
    }
  } catch (error) {
    throw toUnreachable(url, error)
  }
  return Buffer.concat(chunks)
}

async function followRedirects(first: string, { budget, authorize, authorities }: DownloadOptions): Promise<Response> {
  let url = first
  const tls = authorities && { ca: [...authorities] }
  // a registry names the address: the runtime would also read files
  if (!/^https?:$/.test(URL.parse(first)?.protocol ?? "")) throw unreachable(first, 'wanted "https:" or "http:"')
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const authorization = authorize?.(url)
    const response = await ask(url, {
      headers: authorization ? { authorization } : {},
      signal: budget.signal,
      ...(tls && { tls }),
    })
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null
    if (!location) return requireOk(url, response)
    await response.body?.cancel()
    const next = URL.parse(location, url)
    if (!next) throw unreachable(first, `it redirects to "${location}", which is no URL`)
    if (next.protocol !== "https:" && next.protocol !== new URL(first).protocol)
      throw unreachable(first, `it redirects to "${toPlainUrl(next.href)}", wanted "https:"`)
    url = next.href
  }
  throw unreachable(first, `it redirects more than ${maxRedirects} times`)
}

async function ask(url: string, init: BunFetchRequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: "manual" })
  } catch (error) {
    throw toUnreachable(url, error)
  }
}

async function requireOk(url: string, response: Response): Promise<Response> {
  if (response.ok) return response
  await response.body?.cancel()
  const { status } = response
  if (status === 404 || status === 410)
    throw new PagodaError("SOURCE_NOT_FOUND", `Cannot download "${toPlainUrl(url)}": the server answers ${status}`)
  const hint = status === 401 || status === 403 ? '; put the credentials of this host into ".npmrc"' : ""
  throw unreachable(url, `the server answers ${status}${hint}`)
}

function toUnreachable(url: string, error: unknown): PagodaError {
  return error instanceof PagodaError ? error : unreachable(url, toMessage(error), error)
}

function unreachable(url: string, why: string, cause?: unknown): PagodaError {
  return new PagodaError("SOURCE_UNREACHABLE", `Cannot download "${toPlainUrl(url)}": ${why}`, { cause })
}

/** Without what may be a secret. */
export function toPlainUrl(url: string): string {
  const plain = URL.parse(url)
  if (!plain) return "an address that is none"
  plain.username = plain.password = plain.search = plain.hash = ""
  return plain.href
}
