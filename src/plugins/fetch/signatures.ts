import { createPublicKey, type KeyObject, verify } from "node:crypto"
import { PagodaError, toMessage } from "../../errors.ts"
import type { Budget } from "./budget.ts"
import type { NpmClient, PackageView } from "./client.ts"
import { download } from "./download.ts"
import { findCredentials } from "./registry.ts"

/** One of the keys that a registry signs packages with, as `/-/npm/v1/keys` gives it. */
export type RegistryKey = { readonly keyid: string; readonly key: string; readonly expires: string | null }

/**
 * The id of the key that the signature was verified with; `"unsigned"` where there is none, `"no keys"` where the registry
 * publishes none to verify it with.
 * @throws SIGNATURE_INVALID where there are signatures and keys, and none fits
 */
export async function verifySignature(
  view: PackageView,
  client: NpmClient,
  budget: Budget,
): Promise<{ keyid: string } | "unsigned" | "no keys"> {
  if (view.signatures.length === 0) return "unsigned"
  const registry = toRegistry(view)
  if (registry === undefined) return "no keys"
  if (!client.keys.has(registry)) client.keys.set(registry, fetchKeys(registry, client, budget))
  const keys = await client.keys.get(registry)
  if (!keys || keys.length === 0) return "no keys"
  const signed = Buffer.from(`${view.name}@${view.version}:${view.integrity}`)
  const reasons: string[] = []
  for (const { keyid, sig } of view.signatures) {
    const key = keys.find((one) => one.keyid === keyid)
    if (!key) reasons.push(`the registry has no key "${keyid}"`)
    else if (isTooOld(key, view)) reasons.push(`the key "${keyid}" expired on ${key.expires}, before it was published`)
    else if (!verify("sha256", signed, toPublicKey(key, registry), Buffer.from(sig, "base64")))
      reasons.push(`it is no signature by the key "${keyid}" of "${view.integrity}"`)
    else return { keyid }
  }
  throw new PagodaError(
    "SIGNATURE_INVALID",
    `Cannot take "${view.name}@${view.version}": the registry's signature does not match: ${reasons.join("; ")}`,
  )
}

/** The address of the registry that gave a package: what stands before the package's name in that of its tarball. */
export function toRegistry({ name, tarball }: Pick<PackageView, "name" | "tarball">): string | undefined {
  const plain = tarball.replace(/%2f/gi, "/").replace(/%40/g, "@")
  const at = plain.indexOf(`/${name}/-/`)
  return at < 0 ? undefined : plain.slice(0, at)
}

/** Nothing where the registry has no such address: most private ones sign nothing. */
async function fetchKeys(registry: string, client: NpmClient, budget: Budget): Promise<RegistryKey[] | undefined> {
  const found = await fetchJson(`${registry}/-/npm/v1/keys`, client, budget)
  const { keys } = (found ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) return undefined
  return (keys as (Partial<RegistryKey> | null)[]).flatMap((one) => {
    const { keyid, key, expires } = one ?? {}
    if (typeof keyid !== "string" || typeof key !== "string") return []
    return [{ keyid, key, expires: typeof expires === "string" ? expires : null }]
  })
}

/** JSON of a registry, with its credentials; nothing where it has no such address. */
export async function fetchJson(url: string, client: NpmClient, budget: Budget): Promise<unknown> {
  const { authorities, credentials } = client
  try {
    const bytes = await download(url, {
      budget,
      authorities,
      authorize: (asked) => findCredentials(asked, credentials),
    })
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    if (error instanceof PagodaError && error.code === "SOURCE_NOT_FOUND") return undefined
    if (!(error instanceof SyntaxError)) throw error
    throw new PagodaError("SOURCE_REFUSED", `Cannot read "${url}": it is no JSON`, { cause: error })
  }
}

/** A key that has gone out of use still stands for what was signed while it was in use. */
function isTooOld({ expires }: RegistryKey, { published }: PackageView): boolean {
  if (expires === null) return false
  const at = published === undefined ? Date.now() : Date.parse(published)
  return !(at < Date.parse(expires))
}

function toPublicKey({ keyid, key }: RegistryKey, registry: string): KeyObject {
  try {
    const made = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" })
    if (made.asymmetricKeyDetails?.namedCurve === "prime256v1") return made
    throw new Error("it is not on the curve P-256")
  } catch (cause) {
    const message = `Cannot use the key "${keyid}" of the registry "${registry}": ${toMessage(cause)}`
    throw new PagodaError("SIGNATURE_INVALID", message, { cause })
  }
}
