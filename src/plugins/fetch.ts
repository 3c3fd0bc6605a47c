import type { Progress } from "../progress.ts"
import type { LockedPlugin } from "./lockfile.ts"
import { parseSource, type Source, type SourceRequest } from "./source.ts"
import type { Store } from "./store.ts"
import type { FileTree } from "./tree.ts"

/** One npm package of a plugin's dependency tree. */
export type FetchedPackage = { readonly integrity: string; readonly files: FileTree }

/** What a source gave, with the hashes that its bytes really have. Nothing is trusted yet: `verifySource` does that. */
export type FetchedSource = {
  readonly source: Source
  /** The SRI of what `source` names. */
  readonly integrity: string
  /** The plugin's own files by path; for a URL source its modules by URL. */
  readonly files: FileTree
  /** The key of the entry module in `files`. */
  readonly entry: string
  /** The npm packages it pulls in, by `name@version`. */
  readonly packages: ReadonlyMap<string, FetchedPackage>
  /** Install path below `node_modules` → `name@version`, for every package that is not simply at `name`. */
  readonly layout: Readonly<Record<string, string>>
  /** URL sources: SRI of every module but the entry, by URL. */
  readonly modules: ReadonlyMap<string, string>
}

/** What fetching needs to know. */
export type FetchContext = {
  readonly store: Store
  /** Relative `file:` sources start here, and an `.npmrc` here counts. */
  readonly folder: string
  /** `true`: never use the network. */
  readonly offline: boolean
  /** A folder that `plugin vendor` made: what is locked comes from there alone. */
  readonly vendor?: string
  readonly progress: Progress
}

type Fetcher<Kind extends Source["kind"]> = {
  /** Finds the exact source that a request means today, and fetches it. */
  resolve(request: Extract<SourceRequest, { kind: Kind }>, context: FetchContext): Promise<FetchedSource>
  /** Takes exactly what is locked: from the store, else from where the source says. */
  fetch(source: Extract<Source, { kind: Kind }>, locked: LockedPlugin, context: FetchContext): Promise<FetchedSource>
}

/** Only what a lockfile uses is loaded. */
const fetchers: { [Kind in Source["kind"]]: () => Promise<Fetcher<Kind>> } = {
  npm: async () => {
    const { resolveNpm, fetchNpm } = await import("./fetch/npm.ts")
    return { resolve: resolveNpm, fetch: fetchNpm }
  },
  git: async () => {
    const { resolveGit, fetchGit } = await import("./fetch/git.ts")
    return { resolve: resolveGit, fetch: fetchGit }
  },
  url: async () => {
    const { resolveUrl, fetchUrl } = await import("./fetch/url.ts")
    return { resolve: resolveUrl, fetch: fetchUrl }
  },
  file: async () => {
    const { resolveFile, fetchFile } = await import("./fetch/file.ts")
    return { resolve: resolveFile, fetch: fetchFile }
  },
}

export async function resolveSource(request: SourceRequest, context: FetchContext): Promise<FetchedSource> {
  const fetcher = await fetchers[request.kind]()
  return fetcher.resolve(request as never, context)
}

export async function fetchSource(locked: LockedPlugin, context: FetchContext): Promise<FetchedSource> {
  if (context.vendor !== undefined) {
    const { fetchVendored } = await import("./vendor/read.ts")
    return fetchVendored(locked, context.vendor)
  }
  const source = parseSource(locked.source)
  const fetcher = await fetchers[source.kind]()
  return fetcher.fetch(source as never, locked, context)
}
