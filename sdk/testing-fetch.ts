import { PluginError } from "./errors.ts"

/** What other hosts answer in a test. Each request is one that the plugin was granted; nothing leaves the process. */
export type TestFetch = (request: Request) => Response | Promise<Response>

/** `api.fetch` under the host's rules on addresses and permissions, with an answer that was read to its end. */
export async function askTest(
  answer: TestFetch | undefined,
  url: string,
  init: RequestInit,
  need: (permission: string) => void,
): Promise<Response> {
  const parsed = URL.parse(url)
  if (!parsed) throw refused(url, "it is no URL")
  const { hostname, protocol } = parsed
  if (!/^https?:$/.test(protocol)) throw refused(url, `"${protocol}" is not allowed, wanted "https:" or "http:"`)
  if (parsed.username || parsed.password) throw refused(parsed.host, "it has credentials in it: leave them out")
  need(`net:${hostname.replace(/^\[|\]$/g, "")}`)
  const isLoopback = /^(?:localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/.test(hostname)
  if (protocol === "http:" && !isLoopback) throw refused(url, 'plain "http:" is for loopback only, wanted "https:"')
  if (!answer) throw new PluginError('api.fetch needs an answer: give it to testPlugin as "fetch"', { code: "NOT_YET" })
  try {
    const { status, statusText, headers, body } = await answer(new Request(url, init))
    const bytes = body ? await new Response(body).arrayBuffer() : null
    return new Response(bytes, { status, statusText, headers })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PluginError(`Cannot fetch "${url}": ${why}`, { code: "FETCH_FAILED", cause })
  }
}

function refused(url: string, why: string): PluginError {
  return new PluginError(`Cannot fetch "${url}": ${why}`, { code: "FETCH_REFUSED" })
}
