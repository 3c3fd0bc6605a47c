import type { User } from "@pagoda/sdk"
import { type Credential, readCredential } from "./credential.ts"

/** Who asks, and how that was shown: a request with the cookie that changes something must come from the same origin. */
export type Principal = { readonly user: Readonly<User>; readonly via: "token" | "cookie" }

/** What a credential turned out to be. */
export type Checked = { principal: Principal; session_token?: string; token_id?: string }

type Entry = { until: number; pending: Promise<Principal | null>; checked?: Checked }

export const freshMs = 5_000
const mostEntries = 4_000

/** Answers at once for credentials that were checked seconds ago: the check costs a query, and each request needs it. */
export function createPrincipals(
  check: (credential: Credential) => Promise<Checked | null>,
  now: () => number = Date.now,
) {
  const entries = new Map<string, Entry>()

  function read(headers: Headers): Principal | null | Promise<Principal | null> {
    const authorization = headers.get("authorization")
    if (authorization !== null) {
      const known = entries.get(authorization)
      if (known !== undefined && known.until > now()) return known.checked?.principal ?? known.pending
    }
    const credential = readCredential(authorization, headers)
    return credential && find(credential)
  }

  function find(credential: Credential): Principal | Promise<Principal | null> {
    const known = entries.get(credential.key)
    if (known !== undefined && known.until > now()) return known.checked?.principal ?? known.pending
    const entry: Entry = { until: Number.POSITIVE_INFINITY, pending: Promise.resolve(null) }
    entry.pending = settle(credential, entry)
    entries.delete(credential.key)
    if (entries.size >= mostEntries) entries.delete(entries.keys().next().value as string)
    entries.set(credential.key, entry)
    return entry.pending
  }

  /** A burst of one credential waits for one check. Only what turned out good is kept. */
  async function settle(credential: Credential, entry: Entry): Promise<Principal | null> {
    try {
      const checked = await check(credential)
      if (checked === null) return null
      // every request of these seconds gets this very object, a plugin's too
      Object.freeze(checked.principal.user)
      entry.checked = checked
      entry.until = now() + freshMs
      return checked.principal
    } finally {
      if (entry.checked === undefined && entries.get(credential.key) === entry) entries.delete(credential.key)
    }
  }

  return {
    read,
    /** Checks that still run may have seen what was true before: no one joins them any more. */
    forget(matches: (checked: Checked) => boolean): void {
      for (const [key, { checked }] of entries) {
        if (checked === undefined || matches(checked)) entries.delete(key)
      }
    },
    get size() {
      return entries.size
    },
  }
}
