import { statSync } from "node:fs"
import { basename, join } from "node:path"
import { PagodaError } from "../../errors.ts"
import { findEntry } from "../entry.ts"
import { maxDownloadBytes } from "../fetch/budget.ts"
import { unpackTarball } from "../fetch/tarball.ts"
import type { FetchedPackage, FetchedSource } from "../fetch.ts"
import { toSri } from "../integrity.ts"
import type { LockedPlugin } from "../lockfile.ts"
import { parseSource, toSourceText } from "../source.ts"
import { type FileTree, maxTreeBytes, readFileBounded, readTree, treeIntegrity } from "../tree.ts"
import { requireIntegrity } from "../verify.ts"
import { toVendorPlaces, type VendorPlace } from "./places.ts"

/** A plugin from a vendor folder. Nothing comes from the store or the network, whatever they have. */
export async function fetchVendored(locked: LockedPlugin, folder: string): Promise<FetchedSource> {
  requireIntegrity("<id>", locked)
  const places = toVendorPlaces(locked, locked.integrity as string)
  const read = async (place: VendorPlace) => [place.name, await readChecked(folder, place)] as const
  const own = await readChecked(folder, places.own)
  const modules = await Promise.all(places.modules.map(read))
  const packages = await Promise.all(places.packages.map(read))
  const { entry, files } = toEntry(locked, own)
  return {
    source: parseSource(locked.source),
    integrity: own.integrity,
    files: new Map([...files, ...modules.map(([url, { files }]) => [url, files.get(single) as Uint8Array] as const)]),
    entry,
    packages: new Map(packages),
    layout: locked.layout ?? {},
    modules: new Map(modules.map(([url, { integrity }]) => [url, integrity])),
  }
}

/** Here it is known what mends it besides an update. */
async function readChecked(folder: string, place: VendorPlace): Promise<FetchedPackage> {
  const found = await readPlace(folder, place)
  if (found.integrity === place.integrity) return found
  throw new PagodaError(
    "INTEGRITY_MISMATCH",
    `integrity of "${place.name}" in "${join(folder, place.path)}" is "${found.integrity}", lockfile says "${place.integrity}"; run "pagoda plugin vendor ${folder}" to make the copy anew, or "pagoda plugin update <id>" if you mean to take another one`,
  )
}

function toEntry(locked: LockedPlugin, found: FetchedPackage): { entry: string; files: FileTree } {
  const source = parseSource(locked.source)
  const [[only, bytes] = []] = found.files
  if (source.kind !== "npm" && source.kind !== "git" && only === single) {
    const name = source.kind === "url" ? source.url : basename(source.path)
    return { entry: name, files: new Map([[name, bytes as Uint8Array]]) }
  }
  return { entry: findEntry(found.files, toSourceText(source)), files: found.files }
}

/** The name of the one file of what is no tree: no path of a tree is empty. */
const single = ""

/** What is at a place, with the hash that it has. @throws SOURCE_NOT_FOUND */
export async function readPlace(folder: string, { form, path, name, integrity }: VendorPlace): Promise<FetchedPackage> {
  const file = join(folder, path)
  const stat = statSync(file, { throwIfNoEntry: false })
  if (!stat) {
    throw new PagodaError(
      "SOURCE_NOT_FOUND",
      `Cannot take "${name}" from the vendor folder: "${file}" does not exist; run "pagoda plugin vendor ${folder}" where the network is allowed`,
    )
  }
  if (form === "tree" || (form === "tree or module" && stat.isDirectory())) {
    const files = await readTree(file)
    return { files, integrity: treeIntegrity(files) }
  }
  const bytes = readFileBounded(file, form === "tarball" ? maxDownloadBytes : maxTreeBytes)
  const actual = toSri(bytes)
  if (actual !== integrity) return { files: new Map(), integrity: actual }
  return {
    files: form === "tarball" ? await unpackTarball(bytes, name) : new Map([[single, bytes]]),
    integrity: actual,
  }
}
