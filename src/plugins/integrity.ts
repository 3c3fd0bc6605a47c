import { PagodaError } from "../errors.ts"

export type Sri = { algorithm: SriAlgorithm; digest: Uint8Array }
export type SriAlgorithm = "sha512" | "sha384" | "sha256" | "sha1"

const lengths: Record<SriAlgorithm, number> = { sha512: 64, sha384: 48, sha256: 32, sha1: 20 }

/** `sha512-<base64>`, the only form that Pagoda writes. */
export function toSri(bytes: Uint8Array | string): string {
  return `sha512-${new Bun.CryptoHasher("sha512").update(bytes).digest("base64")}`
}

/** The lockfile's form: SHA-512 only, canonical base64. */
export function isSri(text: string): boolean {
  return (
    /^sha512-[A-Za-z0-9+/]{86}==$/.test(text) &&
    Buffer.from(text.slice(7), "base64").toString("base64") === text.slice(7)
  )
}

/** One hash of an SRI string as registries give it; of several the strongest. */
export function parseSri(text: string): Sri {
  const found = text
    .trim()
    .split(/\s+/)
    .flatMap((hash) => {
      const [, algorithm, base64] = /^(sha512|sha384|sha256|sha1)-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/.exec(hash) ?? []
      if (!algorithm || !base64) return []
      const digest = Buffer.from(base64, "base64")
      return digest.length === lengths[algorithm as SriAlgorithm]
        ? [{ algorithm: algorithm as SriAlgorithm, digest }]
        : []
    })
    .sort((a, b) => b.digest.length - a.digest.length)[0]
  if (!found)
    throw new PagodaError("SOURCE_INVALID", `Cannot read an integrity: "${text}" is no SRI, wanted "sha512-<base64>"`)
  return found
}

/** Whether the bytes have the hash that an SRI string of any known algorithm names. */
export function hasSri(bytes: Uint8Array, sri: string): boolean {
  const { algorithm, digest } = parseSri(sri)
  return Buffer.compare(new Bun.CryptoHasher(algorithm).update(bytes).digest(), digest) === 0
}

/** The SHA-512 of an SRI in hexadecimal: the name of what is stored under it. */
export function toHex(sri: string): string {
  if (!isSri(sri))
    throw new PagodaError("SOURCE_INVALID", `Cannot use the integrity "${sri}": wanted "sha512-<base64>"`)
  return Buffer.from(sri.slice(7), "base64").toString("hex")
}
