import { existsSync } from "node:fs"
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { PagodaError, toPagodaError } from "../../errors.ts"
import { downloadTarballs } from "../fetch/packages.ts"
import { type FetchContext, type FetchedSource, fetchSource } from "../fetch.ts"
import { toSri } from "../integrity.ts"
import type { LockedPlugin } from "../lockfile.ts"
import type { FileTree } from "../tree.ts"
import { requireIntegrity, verifySource } from "../verify.ts"
import { toVendorPlaces, type VendorPlace, vendorFolders, vendorName } from "./places.ts"
import { fetchVendored, readPlace } from "./read.ts"
import { vendorTitle } from "./readme.ts"

/** What the top of a vendor folder may have besides the folders: a folder with anything else is somebody's. */
const ownFiles = ["plugins.lock.json", ".gitattributes"]
const half = ".writing-"

/** Makes the folder where it is missing, and takes away what a run that was cut short left half written. */
export async function openVendor(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder)) {
    if (name.startsWith(half)) await rm(join(folder, name), { recursive: true, force: true })
    else if (!(await isOwn(folder, name))) {
      const wanted = "wanted a new or empty folder, or one that this command made"
      throw new PagodaError("USAGE", `Cannot vendor into "${folder}": it has "${name}" in it, ${wanted}`)
    }
  }
}

async function isOwn(folder: string, name: string): Promise<boolean> {
  // most folders that are somebody's have one
  if (name === "README.md") return (await Bun.file(join(folder, name)).text()).startsWith(vendorTitle)
  return ownFiles.includes(name) || (vendorFolders as readonly string[]).includes(name)
}

/** Writes what is missing or damaged of one plugin, and gives what was written. What is there is left as it is. */
export async function vendorPlugin(
  id: string,
  locked: LockedPlugin,
  folder: string,
  context: FetchContext,
): Promise<VendorPlace[]> {
  requireIntegrity(id, locked)
  const missing = await findMissing(toAll(locked), folder)
  const tarballs = new Map(missing.filter(({ form }) => form === "tarball").map((place) => [place.name, place]))
  const others = missing.filter(({ form }) => form !== "tarball")
  if (tarballs.size > 0) {
    const wanted = new Map([...tarballs].map(([spec, { integrity }]) => [spec, integrity]))
    await downloadTarballs(wanted, context, (spec, bytes) => put(folder, tarballs.get(spec) as VendorPlace, bytes))
  }
  if (others.length > 0) {
    const source = verifySource(id, locked, await fetchSource(locked, context))
    for (const place of others) await put(folder, place, toContent(place, source))
  }
  verifySource(id, locked, await fetchVendored(locked, folder))
  return missing
}

/** Takes out what no plugin of the lockfile needs any longer. */
export async function removeUnneeded(plugins: readonly LockedPlugin[], folder: string): Promise<string[]> {
  const needed = new Set(plugins.flatMap(toAll).map(({ path }) => path))
  const gone: string[] = []
  for (const kind of vendorFolders) {
    for (const name of await readdir(join(folder, kind)).catch(() => [])) {
      const path = `${kind}/${name}`
      if (!vendorName.test(name) || needed.has(path)) continue
      await rm(join(folder, path), { recursive: true, force: true })
      gone.push(path)
    }
  }
  return gone
}

/** Written beside, then renamed; nothing at all where it says that already. */
export async function putText(folder: string, name: string, text: string): Promise<void> {
  const file = join(folder, name)
  if (existsSync(file) && (await Bun.file(file).text()) === text) return
  const beside = join(folder, `${half}${name}`)
  await writeFile(beside, text)
  await rename(beside, file)
}

function toAll(locked: LockedPlugin): VendorPlace[] {
  const { own, packages, modules } = toVendorPlaces(locked, locked.integrity as string)
  return [own, ...packages, ...modules]
}

async function findMissing(places: VendorPlace[], folder: string): Promise<VendorPlace[]> {
  const isMissing = await Promise.all(
    places.map(async (place) => {
      try {
        return (await readPlace(folder, place)).integrity !== place.integrity
      } catch (error) {
        // not there, or no longer what a tree may have
        if (!toPagodaError(error)) throw error
        return true
      }
    }),
  )
  return places.filter((_, at) => isMissing[at])
}

function toContent({ name, form, integrity }: VendorPlace, { files, entry }: FetchedSource): Uint8Array | FileTree {
  if (form === "tree") return files
  const bytes = files.get(form === "module" ? name : entry) as Uint8Array
  return form === "module" || toSri(bytes) === integrity ? bytes : files
}

/** No sync to the disk: whoever reads it checks every byte. */
async function put(folder: string, { path }: VendorPlace, content: Uint8Array | FileTree): Promise<void> {
  const target = join(folder, path)
  const beside = join(folder, `${half}${crypto.randomUUID()}`)
  if (content instanceof Uint8Array) await writeFile(beside, content)
  else await writeTree(beside, content)
  await mkdir(dirname(target), { recursive: true })
  // only what is damaged is ever there, and a folder cannot be renamed over another
  await rm(target, { recursive: true, force: true })
  await rename(beside, target)
}

async function writeTree(folder: string, files: FileTree): Promise<void> {
  await mkdir(folder)
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), bytes)
  }
}
