import { PagodaError, toMessage } from "../../errors.ts"
import { isUrl, parseNpmSpecifier, resolveFromUrl } from "../bundle/resolve.ts"
import { hostPackageOf } from "../host-modules.ts"
import { toBuiltin } from "../policy/names.ts"
import { readImports } from "../policy/source.ts"
import type { FileTree } from "../tree.ts"
import { toShown } from "./address.ts"
import type { Budget } from "./budget.ts"
import { mapBounded } from "./map-bounded.ts"
import { fetchModule, type UrlModule } from "./url-module.ts"

export const maxModules = 10_000

const atOnce = 8

export type UrlGraph = {
  /** Every module by URL, the entry first. */
  readonly files: FileTree
  /** What `npm:` imports name: name → exact version. */
  readonly wanted: Readonly<Record<string, string>>
}

type Edge = { importer: string; specifier: string; target: string; json: boolean }
type Crawl = {
  modules: Map<string, UrlModule>
  edges: Edge[]
  wanted: Map<string, { version: string; importer: string }>
}

/** Every module that an entry imports, as Deno would find them. */
export async function fetchGraph(entry: string, budget: Budget, onModule: (url: string) => void): Promise<UrlGraph> {
  const crawl: Crawl = { modules: new Map(), edges: [], wanted: new Map() }
  let wave: Pick<Edge, "target" | "json">[] = [{ target: entry, json: false }]
  const known = new Set([entry])
  while (wave.length > 0) {
    const found = await mapBounded(wave, atOnce, async ({ target, json }) => {
      const module = await fetchModule(target, entry, budget)
      crawl.modules.set(target, module)
      onModule(target)
      return json ? [] : readEdges(target, module, crawl)
    })
    wave = []
    for (const edge of found.flat()) {
      crawl.edges.push(edge)
      if (known.has(edge.target)) continue
      known.add(edge.target)
      wave.push(edge)
    }
    if (known.size > maxModules) {
      throw new PagodaError(
        "SOURCE_TOO_LARGE",
        `Cannot fetch "${entry}": it has more than ${maxModules} modules, which is the limit`,
      )
    }
  }
  const wanted = [...crawl.wanted].map(([name, { version }]) => [name, version])
  return { files: toFiles(entry, crawl), wanted: Object.fromEntries(wanted) }
}

async function readEdges(url: string, module: UrlModule, crawl: Crawl): Promise<Edge[]> {
  if (new URL(module.found).pathname.endsWith(".json")) return []
  const imports = await readModuleImports(url, module)
  return imports.flatMap(({ specifier, json }) => {
    const npm = specifier.startsWith("npm:") && toWanted(url, specifier, crawl)
    if (npm || toBuiltin(specifier) || hostPackageOf(specifier)) return []
    const target = /^\.{0,2}\//.test(specifier) || isUrl(specifier) ? URL.parse(specifier, module.found) : null
    if (!target) throw refuse(url, specifier, 'wanted a relative path, a URL or "npm:<name>@<version>"')
    target.hash = ""
    return [{ importer: url, specifier, target: target.href, json }]
  })
}

async function readModuleImports(url: string, module: UrlModule): Promise<{ specifier: string; json: boolean }[]> {
  const text = new TextDecoder().decode(module.bytes)
  try {
    const imports = await readImports(new URL(module.found).pathname, text)
    return imports
      .filter(({ kind, specifier }) => kind !== "require" && specifier !== "")
      .map(({ specifier, attributes }) => ({ specifier, json: attributes.length > 0 }))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    const message = `Cannot fetch "${toShown(url)}": it is no module: ${toMessage(cause)}`
    throw new PagodaError("SOURCE_REFUSED", message, { cause })
  }
}

/** One version of each package, since a plugin's packages lie in one tree. */
function toWanted(importer: string, specifier: string, { wanted }: Crawl): true {
  const npm = parseNpmSpecifier(specifier)
  if (!npm || !/^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/.test(npm.version)) {
    throw refuse(importer, specifier, 'wanted an exact version, "npm:<name>@<version>"')
  }
  const other = wanted.get(npm.name)
  if (other && other.version !== npm.version) {
    throw refuse(
      importer,
      specifier,
      `"${toShown(other.importer)}" imports version ${other.version}, wanted one version`,
    )
  }
  wanted.set(npm.name, { version: npm.version, importer })
  return true
}

/**
 * A redirected module stands under the URL that was asked for. Where its relative imports would then lead elsewhere, it
 * stands also where it was found: that is all a lockfile says, and enough to find the same modules again.
 */
function toFiles(entry: string, { modules, edges }: Crawl): FileTree {
  const files = new Map([...modules].map(([url, { bytes }]) => [url, bytes]))
  for (const { importer, specifier, target } of edges) {
    const { bytes, found } = modules.get(importer) as UrlModule
    if (!isUrl(specifier) && URL.parse(specifier, importer)?.href !== target && !files.has(found))
      files.set(found, bytes)
  }
  for (const { importer, specifier, target } of edges) {
    if (resolveFromUrl(specifier, importer, files) === target) continue
    const { found } = modules.get(importer) as UrlModule
    throw refuse(
      importer,
      specifier,
      `it is redirected, and that could mean two modules; use "${toShown(found)}" instead`,
    )
  }
  const rest = [...files].filter(([url]) => url !== entry).sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map([[entry, files.get(entry) as Uint8Array], ...rest])
}

function refuse(importer: string, specifier: string, wanted: string): PagodaError {
  return new PagodaError("SOURCE_REFUSED", `Cannot fetch "${toShown(importer)}": it imports "${specifier}", ${wanted}`)
}
