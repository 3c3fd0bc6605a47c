import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { type FetchContext, fetchSource } from "./fetch.ts"
import type { Lockfile } from "./lockfile.ts"
import { readManifest } from "./manifest.ts"

/** Development only: every folder below `folder` as if a lockfile named it and granted all that it asks for. */
export async function readSamples(folder: string, context: FetchContext): Promise<Lockfile> {
  const lockfile: Lockfile = { lockfileVersion: 1, plugins: {} }
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name)
    if (!existsSync(join(path, "package.json"))) continue
    const locked = { source: `file:${path}` }
    const manifest = readManifest(await fetchSource(locked, context))
    if (manifest) lockfile.plugins[manifest.id] = { ...locked, permissions: manifest.permissions }
  }
  return lockfile
}
