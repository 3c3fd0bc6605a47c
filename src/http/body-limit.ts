import type { PluginLimits } from "../plugins/limits.ts"
import { overLimit } from "../plugins/over-limit.ts"
import { countBytes } from "./count-bytes.ts"

/** A request whose body is no longer than the plugin takes. One that does not say how long it is, is cut while it is read. */
export function limitBody(request: Request, limits: PluginLimits): Request {
  const { method } = request
  if (method === "GET" || method === "HEAD") return request
  const length = request.headers.get("content-length")
  const refuse = () => {
    limits.refuse("body_bytes")
    return overLimit(limits, "body_bytes", "read the body")
  }
  if (length !== null) {
    if (Number(length) > limits.values.body_bytes) throw refuse()
    return request
  }
  if (request.body === null) return request
  return new Request(request, { body: countBytes(request.body, limits.values.body_bytes, refuse) })
}
