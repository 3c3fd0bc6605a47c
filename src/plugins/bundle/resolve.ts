import { posix } from "node:path"
import type { FileSystem } from "enhanced-resolve"
import { placePackages } from "../fetch/packages.ts"
import type { VerifiedSource } from "../verify.ts"
import { createFileSystem } from "./files.ts"

/**
 * All files that a plugin's bundle can be made of, in one tree that exists nowhere: the plugin's own at the root, packages
 * below `node_modules`, the modules of a URL source by their URL.
 */
export type SourceFiles = ReadonlyMap<string, Uint8Array>

export type ImportKind = "import" | "require"

/** A path of `SourceFiles`; `false` where a package leaves a module out in its browser build; nothing where there is none. */
export type Resolved = string | false | undefined

export type Resolver = {
  resolve(specifier: string, importer: string, kind: ImportKind): Resolved
  /** From here on the package in this folder is taken in its browser build. */
  useBrowserBuild(folder: string): void
  /** Whether it has such a build and is not already taken in it. */
  canUseBrowserBuild(folder: string): boolean
}

export function toSourceFiles(source: VerifiedSource): SourceFiles {
  const files = new Map(source.files)
  for (const [place, { files: packaged }] of placePackages(source)) {
    for (const [path, bytes] of packaged) files.set(`node_modules/${place}/${path}`, bytes)
  }
  return files
}

/** The install folder of the package that a path lies in; nothing for the plugin's own files. */
export function toPackageFolder(path: string): string | undefined {
  if (isUrl(path)) return undefined
  return /^(.*\/|)node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]
}

export async function createResolver(files: SourceFiles): Promise<Resolver> {
  const { default: enhanced } = await import("enhanced-resolve")
  const fileSystem = createFileSystem(files)
  const create = (conditionNames: string[], mainFields: string[], aliasFields: string[] = []) => {
    return enhanced.ResolverFactory.createResolver({
      // it declares every overload of node:fs and calls these
      fileSystem: fileSystem as unknown as FileSystem,
      useSyncFileSystemCalls: true,
      symlinks: false,
      conditionNames,
      mainFields,
      aliasFields,
      extensions: [".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".cjs", ".cts", ".json"],
      extensionAlias: {
        ".js": [".js", ".ts", ".tsx"],
        ".jsx": [".jsx", ".tsx"],
        ".mjs": [".mjs", ".mts"],
        ".cjs": [".cjs", ".cts"],
      },
    })
  }
  const server = {
    import: create(["bun", "node", "import"], ["module", "main"]),
    require: create(["bun", "node", "require"], ["main", "module"]),
  }
  const browser = {
    import: create(["browser", "import"], ["browser", "module", "main"], ["browser"]),
    require: create(["browser", "require"], ["browser", "main", "module"], ["browser"]),
  }
  const inBrowserBuild = new Set<string>()

  const find = (resolver: typeof server.import, folder: string, request: string): Resolved => {
    try {
      // the zero takes "?" and "#" of a file's name their meaning
      const plain = request.startsWith(".") ? request.replace(/[?#]/g, "\0$&") : request
      const found = resolver.resolveSync({}, `/${folder}`, plain)
      return typeof found === "string" ? found.slice(1).replaceAll("\0", "") : found
    } catch {
      return undefined
    }
  }

  const resolvePath = (request: string, folder: string, kind: ImportKind, importer: string): Resolved => {
    const own = inBrowserBuild.has(toPackageFolder(importer) ?? "")
    const found = find((own ? browser : server)[kind], folder, request)
    const other = toPackageFolder(found || "")
    if (own || !found || !other || !inBrowserBuild.has(other)) return found
    const { exports } = fileSystem.readPackageJson(other)
    const [, name = "", rest = ""] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(request) ?? []
    const named = `./browser/esm${rest}`
    if (isRecord(exports) && named in exports) return find(browser[kind], folder, `${name}/${named.slice(2)}`)
    return find(browser[kind], folder, request)
  }

  return {
    resolve(specifier, importer, kind) {
      if (isUrl(importer)) return resolveFromUrl(specifier, importer, files) ?? resolveNpm(specifier, resolvePath, kind)
      if (/^[a-z][a-z0-9+.-]+:/i.test(specifier) || specifier.startsWith("/")) return undefined
      const folder = posix.dirname(importer)
      const relative = /^\.\.?(?:\/|$)/.test(specifier)
      // the root of the tree has no parent; a path that leads above it must not lead back into it
      if (relative && posix.join(folder, specifier).startsWith("..")) return undefined
      return resolvePath(specifier, folder === "." ? "" : folder, kind, importer)
    },
    useBrowserBuild: (folder) => void inBrowserBuild.add(folder),
    canUseBrowserBuild: (folder) => !inBrowserBuild.has(folder) && hasBrowserBuild(fileSystem.readPackageJson(folder)),
  }
}

/**
 * An import of a URL module. What was redirected is kept under the URL that was asked for, while its relative imports are
 * meant from where it was found; that place is locked as well, with the same bytes, which is how it is found again here.
 */
export function resolveFromUrl(specifier: string, importer: string, files: SourceFiles): string | undefined {
  if (/^https?:\/\//i.test(specifier)) return knownUrl(specifier, importer, files)
  if (!/^\.{0,2}\//.test(specifier)) return undefined
  return [importer, ...copiesOf(importer, files)]
    .map((base) => knownUrl(specifier, base, files))
    .find((found) => found !== undefined)
}

function knownUrl(specifier: string, base: string, files: SourceFiles): string | undefined {
  const url = URL.parse(specifier, base)
  if (url) url.hash = ""
  return url && files.has(url.href) ? url.href : undefined
}

function copiesOf(importer: string, files: SourceFiles): string[] {
  const bytes = files.get(importer)
  if (!bytes) return []
  return [...files]
    .filter(([path, other]) => path !== importer && isUrl(path) && Buffer.compare(other, bytes) === 0)
    .map(([path]) => path)
    .sort()
}

function resolveNpm(
  specifier: string,
  resolvePath: (request: string, folder: string, kind: ImportKind, importer: string) => Resolved,
  kind: ImportKind,
): Resolved {
  const named = parseNpmSpecifier(specifier)
  return named && resolvePath(named.name + named.subpath, "", kind, "")
}

/** `npm:@a/b@1.0.0/sub` → name, exact version, `/sub`. */
export function parseNpmSpecifier(specifier: string): { name: string; version: string; subpath: string } | undefined {
  const [, name, version, subpath = ""] = /^npm:\/?((?:@[^/@]+\/)?[^/@]+)@([^/@]+)(\/.+)?$/.exec(specifier) ?? []
  return name && version ? { name, version, subpath } : undefined
}

export function isUrl(path: string): boolean {
  return /^https?:\/\//.test(path)
}

/** A `browser` field, conditions that tell the two apart, or the folder in which the csv packages keep theirs. */
function hasBrowserBuild(manifest: Record<string, unknown>): boolean {
  return (
    manifest.browser !== undefined ||
    /"(?:browser|node|bun|\.\/browser\/esm)":/.test(JSON.stringify(manifest.exports ?? {}))
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null
}
