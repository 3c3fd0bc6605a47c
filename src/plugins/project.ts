import { PagodaError } from "../errors.ts"
import { wantedDependencies } from "./fetch/wanted.ts"
import { type FetchContext, fetchSource } from "./fetch.ts"
import { toLocked } from "./lock.ts"
import type { LockedPlugin, Lockfile } from "./lockfile.ts"
import { readManifest } from "./manifest.ts"

/**
 * Development only: the project in `folder` as if a lockfile named what is in it now and granted all that it asks for. Its
 * packages are looked up again only where its `package.json` wants others than before.
 */
export function createProjectReader(folder: string, context: FetchContext): () => Promise<Lockfile> {
  const source = `file:${folder}`
  let known: { wanted: Record<string, string>; packages: Pick<LockedPlugin, "dependencies" | "layout"> } | undefined

  const fetch = async () => {
    const fetched = await fetchSource({ source, ...known?.packages }, context)
    const isSame = !known || Bun.deepEquals(known.wanted, wantedDependencies(fetched.files))
    return isSame ? fetched : fetchSource({ source }, context)
  }

  return async () => {
    const fetched = await fetch()
    const manifest = readManifest(fetched)
    if (!manifest) throw new PagodaError("PLUGIN_INVALID", toNameless(folder))
    const locked = toLocked(fetched, { permissions: manifest.permissions })
    const { dependencies, layout } = locked
    known = { wanted: wantedDependencies(fetched.files), packages: { dependencies, layout } }
    return { lockfileVersion: 1, plugins: { [manifest.id]: locked } }
  }
}

function toNameless(folder: string): string {
  return `Cannot run the project "${folder}": its package.json says no id; add "pagoda": {"id": "<id>", "permissions": []}`
}
