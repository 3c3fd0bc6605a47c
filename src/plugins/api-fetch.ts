import type { Api } from "@pagoda/sdk"
import type { PluginLimits } from "./limits.ts"
import { overLimit } from "./over-limit.ts"

export type FetchApiContext = {
  readonly limits: PluginLimits
  /** @throws PERMISSION_MISSING */
  need(permission: string): void
}

/** Requests of one plugin to other hosts: all of its users' together are counted. */
export function createFetchApi({ limits, need }: FetchApiContext): Api["fetch"] {
  let open = 0
  return async (input, init = {}) => {
    const what = "fetch from another host"
    if (!limits.take("fetches_per_minute")) throw overLimit(limits, "fetches_per_minute", what)
    if (open >= limits.values.fetches_at_once) {
      limits.refuse("fetches_at_once")
      throw overLimit(limits, "fetches_at_once", what)
    }
    open++
    try {
      const { fetchGranted } = await import("./outgoing.ts")
      return await fetchGranted(String(input), init, { limits, need })
    } finally {
      open--
    }
  }
}
