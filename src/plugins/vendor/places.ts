import { toHex } from "../integrity.ts"
import type { LockedPlugin } from "../lockfile.ts"
import { parseSource, type Source } from "../source.ts"

/** One thing that a lockfile names a hash of, and where it is in a vendor folder. */
export type VendorPlace = {
  /** Below the vendor folder. Different bytes have different paths, so that nothing is ever changed in place. */
  path: string
  integrity: string
  /** As the lockfile names it: `ms@2.1.3`, a URL, a source. */
  name: string
  form: "tarball" | "tree" | "module" | "tree or module"
}

export type VendorPlaces = { own: VendorPlace; packages: VendorPlace[]; modules: VendorPlace[] }

/** The folders of a vendor folder. */
export const vendorFolders = ["npm", "git", "url", "file"] as const

/** Where everything of a plugin is. @param integrity that of the plugin, which must be locked */
export function toVendorPlaces(locked: LockedPlugin, integrity: string): VendorPlaces {
  const source = parseSource(locked.source)
  const packages = Object.entries(locked.dependencies ?? {}).map(([spec, sri]) => toTarball(spec, sri))
  const modules = Object.entries(locked.modules ?? {}).map(([url, sri]) => toModule(url, sri))
  return { own: toOwn(source, integrity, locked.source), packages, modules }
}

function toOwn(source: Source, integrity: string, name: string): VendorPlace {
  switch (source.kind) {
    case "npm":
      return toTarball(`${source.name}@${source.version}`, integrity)
    case "git": {
      const repository = new URL(source.url).pathname.replace(/\.git$/, "")
      return { name, integrity, form: "tree", path: `git/${toFileName(repository + source.path, integrity)}` }
    }
    case "url":
      return toModule(source.url, integrity)
    case "file":
      return { name, integrity, form: "tree or module", path: `file/${toFileName(source.path, integrity)}` }
  }
}

function toTarball(spec: string, integrity: string): VendorPlace {
  return { name: spec, integrity, form: "tarball", path: `npm/${toFileName(spec.replace("/", "+"), integrity)}.tgz` }
}

function toModule(url: string, integrity: string): VendorPlace {
  return { name: url, integrity, form: "module", path: `url/${toFileName(new URL(url).pathname, integrity)}` }
}

/** The last part of a name for people, and of the hash what keeps any two apart. */
function toFileName(name: string, integrity: string): string {
  const last = name.split("/").findLast((part) => part !== "" && part !== "." && part !== "..") ?? "plugin"
  return `${last.replace(/[^\w.@+-]/g, "_").slice(0, 80)}-${toHex(integrity).slice(0, 32)}`
}

/** What a name in one of the folders must look like to be ours. */
export const vendorName = /-[0-9a-f]{32}(?:\.tgz)?$/
