import { hostModuleNames } from "./host-modules.ts"
import { toImportGrants } from "./policy/names.ts"
import type { Store } from "./store.ts"
import type { VerifiedSource } from "./verify.ts"

/** One ESM module made of a verified source: what is imported. */
export type Bundle = { readonly id: string; readonly digest: string; readonly code: string }

export type BundleOptions = { readonly id: string; readonly grants: readonly string[] }

/** Goes up with every change that makes other bundles of the same source: stored ones are then made anew. */
const bundlerVersion = 2

/**
 * Takes the stored bundle, which the store's seal vouches for, or makes it from the bytes just verified. Making one needs
 * parsers and the bundler, which no start with a warm store should load.
 */
export async function bundlePlugin(source: VerifiedSource, options: BundleOptions, store: Store): Promise<Bundle> {
  const key = toBundleKey(source, options)
  const stored = await store.readBundle(key)
  if (stored) return { id: options.id, digest: stored.digest, code: stored.code }
  const { makeBundle } = await import("./bundle/bundler.ts")
  const { digest, code } = await store.writeBundle(key, await makeBundle(source, options))
  return { id: options.id, digest, code }
}

/** A hash of all that a bundle is made from: what has the same key has the same code. */
export function toBundleKey(source: VerifiedSource, options: BundleOptions): string {
  const packages = [...source.packages].map(([name, { integrity }]) => [name, integrity])
  const parts = [
    [bundlerVersion, Bun.version, Bun.revision, hostModuleNames],
    [options.id, [...toImportGrants(options.grants)].sort()],
    [source.integrity, source.entry, packages.sort(), [...source.modules].sort(), Object.entries(source.layout).sort()],
  ]
  return new Bun.CryptoHasher("sha512").update(JSON.stringify(parts)).digest("hex")
}
