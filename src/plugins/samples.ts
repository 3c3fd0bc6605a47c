import { readdirSync } from "node:fs"
import { join } from "node:path"
import { toPagodaError } from "../errors.ts"
import { type FetchContext, fetchSource } from "./fetch.ts"
import type { LockedPlugin, Lockfile } from "./lockfile.ts"
import { type Manifest, readManifest } from "./manifest.ts"

/**
 * Development only: every folder below `folder` as if a lockfile named it and granted all that it asks for. One without a
 * manifest, one that cannot be read, and one whose id is taken go by the folder's name: loading it says what is wrong.
 */
export async function readSamples(folder: string, context: FetchContext): Promise<Lockfile> {
  const plugins: Lockfile["plugins"] = {}
  const folders = readdirSync(folder, { withFileTypes: true }).filter((found) => found.isDirectory())
  for (const { name } of folders.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const locked = { source: `file:${join(folder, name)}` }
    const manifest = await findManifest(locked, context)
    const id = manifest && !Object.hasOwn(plugins, manifest.id) ? manifest.id : name
    plugins[id] ??= { ...locked, permissions: manifest?.permissions ?? [] }
  }
  return { lockfileVersion: 1, plugins }
}

async function findManifest(locked: LockedPlugin, context: FetchContext): Promise<Manifest | undefined> {
  try {
    return readManifest(await fetchSource(locked, context))
  } catch (error) {
    if (!toPagodaError(error)) throw error
    return undefined
  }
}
