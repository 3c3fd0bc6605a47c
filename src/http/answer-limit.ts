import { estimateShallowMemoryUsageOf } from "bun:jsc"
import type { Calls } from "../plugins/calls.ts"
import type { PluginLimits } from "../plugins/limits.ts"
import { overLimit } from "../plugins/over-limit.ts"
import { countBytes } from "./count-bytes.ts"
import { endWithPlugin, followStream } from "./follow-stream.ts"

let empty: number | undefined

/** Most are: text or bytes in memory that are no longer than the plugin may give. */
export function isShort(response: Response, { values }: PluginLimits): boolean {
  const size = toSize(response)
  return size > 0 && size <= values.answer_bytes
}

/** The body's bytes, where it is text or bytes: to ask for the body itself would make a stream of it. */
function toSize(response: Response): number {
  empty ??= estimateShallowMemoryUsageOf(new Response(null))
  return estimateShallowMemoryUsageOf(response) - empty
}

/**
 * An answer that is no longer than the plugin may give. What is in memory is refused before the first byte; a stream is cut
 * when it has become too long, which its reader sees as a broken connection. Event streams last until their plugin leaves.
 *
 * @throws ANSWER_TOO_LARGE
 */
export function limitAnswer(
  response: Response,
  limits: PluginLimits,
  calls: Calls | undefined,
  onCut: (error: Error) => void,
): Response {
  const size = toSize(response)
  const { answer_bytes: most } = limits.values
  const refuse = () => {
    limits.refuse("answer_bytes")
    return overLimit(limits, "answer_bytes", "answer")
  }
  if (size > most) throw refuse()
  if (size > 0 || response.body === null) return response
  if (isEventStream(response)) return calls ? new Response(endWithPlugin(response.body, calls), response) : response
  if (Number(response.headers.get("content-length")) > most) {
    void response.body.cancel()
    throw refuse()
  }
  const cut = () => {
    const error = refuse()
    onCut(error)
    return error
  }
  const counted = countBytes(response.body, most, cut)
  return new Response(calls ? followStream(counted, calls) : counted, response)
}

function isEventStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") === true
}
