import { statSync } from "node:fs"
import { basename, resolve } from "node:path"
import { PagodaError } from "../../errors.ts"
import { findEntry } from "../entry.ts"
import type { FetchContext, FetchedSource } from "../fetch.ts"
import { toSri } from "../integrity.ts"
import type { LockedPlugin } from "../lockfile.ts"
import type { FileSource } from "../source.ts"
import { maxTreeBytes, readFileBounded, readTree, treeIntegrity } from "../tree.ts"
import { fetchPackages, noPackages, resolvePackages } from "./packages.ts"
import { wantedDependencies } from "./wanted.ts"

/** Whatever is there now. */
export async function resolveFile(source: FileSource, context: FetchContext): Promise<FetchedSource> {
  return readSource(source, context, undefined)
}

/** Read where it is, at every start; only its packages come from the store. */
export async function fetchFile(
  source: FileSource,
  locked: LockedPlugin,
  context: FetchContext,
): Promise<FetchedSource> {
  return readSource(source, context, locked)
}

async function readSource(
  source: FileSource,
  context: FetchContext,
  locked: LockedPlugin | undefined,
): Promise<FetchedSource> {
  const path = resolve(context.folder, source.path)
  if (!isFolder(source, path)) return readModule(source, path)
  const files = await readTree(path)
  // a development folder has no lock: its packages are what its ranges mean now
  const nothingLocked = locked?.integrity === undefined && locked?.dependencies === undefined
  const packages = nothingLocked
    ? await resolvePackages(wantedDependencies(files), context)
    : await fetchPackages(locked ?? {}, context)
  const entry = findEntry(files, `file:${source.path}`)
  return { source, integrity: treeIntegrity(files), files, entry, ...packages, modules: new Map() }
}

function isFolder(source: FileSource, path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (cause) {
    throw new PagodaError("SOURCE_NOT_FOUND", `Cannot read "file:${source.path}": "${path}" does not exist`, { cause })
  }
}

function readModule(source: FileSource, path: string): FetchedSource {
  if (!/\.[tj]s$/.test(path))
    throw new PagodaError(
      "SOURCE_REFUSED",
      `Cannot read "file:${source.path}": wanted a folder, or a ".ts" or ".js" file`,
    )
  const bytes = readFileBounded(path, maxTreeBytes)
  const entry = basename(path)
  return { source, integrity: toSri(bytes), files: new Map([[entry, bytes]]), entry, ...noPackages, modules: new Map() }
}
