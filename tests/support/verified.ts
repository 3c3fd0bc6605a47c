import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { FetchedPackage } from "../../src/plugins/fetch.ts"
import { toSri } from "../../src/plugins/integrity.ts"
import { trustUnverified, type VerifiedSource } from "../../src/plugins/verify.ts"

const root = join(import.meta.dir, "../..")

export type SourceText = Record<string, string>

/** A source of these files, the first being the entry; with packages as they are installed here, or written out. */
export async function makeSource(
  files: SourceText | string,
  packages: readonly string[] | Record<string, SourceText> = [],
): Promise<VerifiedSource> {
  const own = typeof files === "string" ? { "plugin.ts": files } : files
  const tree = toTree(own)
  return trustUnverified({
    source: { kind: "file", path: "plugin" },
    integrity: toSri(JSON.stringify(own)),
    files: tree,
    entry: Object.keys(own)[0] as string,
    packages: isList(packages) ? await readInstalled(packages) : writeOut(packages),
    layout: {},
    modules: new Map(),
  })
}

function isList(packages: readonly string[] | Record<string, SourceText>): packages is readonly string[] {
  return Array.isArray(packages)
}

async function readInstalled(names: readonly string[]): Promise<Map<string, FetchedPackage>> {
  const found = names.map(async (name): Promise<[string, FetchedPackage]> => {
    const files = await readFiles(join(root, "node_modules", name))
    const { version } = JSON.parse(new TextDecoder().decode(files.get("package.json"))) as { version: string }
    return [`${name}@${version}`, { integrity: toSri(`${name}@${version}`), files }]
  })
  return new Map(await Promise.all(found))
}

/** Not by the product's own reader: the package manager may have made hard links, which that refuses. */
async function readFiles(folder: string): Promise<Map<string, Uint8Array>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const read = paths.map(async (path) => [path.slice(folder.length + 1), await Bun.file(path).bytes()] as const)
  return new Map(await Promise.all(read))
}

function writeOut(packages: Record<string, SourceText>): Map<string, FetchedPackage> {
  return new Map(
    Object.entries(packages).map(([name, files]) => [
      name,
      { integrity: toSri(JSON.stringify(files)), files: toTree(files) },
    ]),
  )
}

function toTree(files: SourceText): Map<string, Uint8Array> {
  return new Map(Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)]))
}
