import { PagodaError, toMessage } from "../../errors.ts"
import { checkAddress, toPermittedHost, toShown } from "./address.ts"
import type { Budget } from "./budget.ts"
import { fetchAt } from "./fetch-at.ts"

/** One module as a server gave it. */
export type UrlModule = {
  readonly bytes: Uint8Array
  /** Where it was found after all redirects: its relative imports start here. */
  readonly found: string
}

const maxRedirects = 5

/** @param named the URL that the lockfile names: if it names a private host, that one may be asked */
export async function fetchModule(url: string, named: string, budget: Budget): Promise<UrlModule> {
  const permitted = toPermittedHost(named)
  const seen = [url]
  for (;;) {
    const asked = seen.at(-1) as string
    const addresses = await checkAddress(asked, permitted)
    const response = await ask(url, asked, addresses, budget.signal)
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null
    if (!location) return { bytes: await read(url, response, budget), found: asked }
    await response.body?.cancel()
    const next = URL.parse(location, asked)
    if (!next) throw unreachable(url, `it redirects to "${location}", which is no URL`)
    next.hash = ""
    if (seen.includes(next.href)) throw unreachable(url, `it redirects in a circle, to "${toShown(next.href)}" again`)
    if (seen.length > maxRedirects) throw unreachable(url, `it redirects more than ${maxRedirects} times`)
    seen.push(next.href)
  }
}

async function ask(url: string, asked: string, addresses: string[], signal: AbortSignal): Promise<Response> {
  const headers = { accept: "*/*", "user-agent": "Pagoda" }
  try {
    return await fetchAt(asked, addresses, { redirect: "manual", signal, headers })
  } catch (error) {
    throw toUnreachable(url, error, signal)
  }
}

async function read(url: string, response: Response, budget: Budget): Promise<Uint8Array> {
  const problem = findProblem(response)
  if (problem) {
    await response.body?.cancel()
    throw new PagodaError(problem.code, `Cannot fetch "${toShown(url)}": ${problem.message}`)
  }
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of (response.body as AsyncIterable<Uint8Array> | null) ?? []) {
      budget.spend(chunk.length)
      chunks.push(chunk)
    }
  } catch (error) {
    throw toUnreachable(url, error, budget.signal)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function findProblem(response: Response) {
  const { status } = response
  const type = response.headers.get("content-type") ?? ""
  if (status === 404 || status === 410)
    return { code: "SOURCE_NOT_FOUND", message: `the server answers ${status}` } as const
  if (status !== 200) return { code: "SOURCE_UNREACHABLE", message: `the server answers ${status}` } as const
  if (/^\s*(?:text\/html|application\/xhtml)/i.test(type)) {
    const message = `the server answers a page ("${type}"), wanted a module; is there an address of the file itself?`
    return { code: "SOURCE_REFUSED", message } as const
  }
}

/** Once the time is over, the reason is that, whatever the connection says of it. */
function toUnreachable(url: string, error: unknown, signal: AbortSignal): PagodaError {
  if (error instanceof PagodaError) return error
  if (signal.reason instanceof PagodaError) return signal.reason
  return unreachable(url, toMessage(error), error)
}

function unreachable(url: string, why: string, cause?: unknown): PagodaError {
  return new PagodaError("SOURCE_UNREACHABLE", `Cannot fetch "${toShown(url)}": ${why}`, { cause })
}
