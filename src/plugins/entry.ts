import { posix } from "node:path"
import { PagodaError } from "../errors.ts"
import { readPackageJson } from "./fetch/wanted.ts"
import type { FileTree } from "./tree.ts"

const conditions = new Set(["bun", "node", "import", "module", "default"])
const endings = ["", ".ts", ".tsx", ".mts", ".js", ".mjs", "/index.ts", "/index.js"]

/** The path of a tree's entry module: what its `package.json` says, else `plugin.ts`, else `index.ts`. */
export function findEntry(files: FileTree, subject: string): string {
  const { exports, module, main } = readPackageJson(files)
  const named = [pickExport(exports), module, main].find((path) => typeof path === "string" && path !== "") as
    | string
    | undefined
  const candidates = named === undefined ? ["plugin.ts", "index.ts", "index.js"] : toCandidates(named)
  const found = candidates.find((path) => files.has(path))
  if (found !== undefined) return found
  const asked = named === undefined ? "no package.json names one" : `its package.json names "${named}"`
  throw new PagodaError(
    "SOURCE_REFUSED",
    `Cannot find the entry module of "${subject}": ${asked}, looked for "${candidates.join('", "')}"`,
  )
}

/** The root of `exports`, in the order in which it is written, as Node resolves it. */
function pickExport(exports: unknown): string | undefined {
  if (typeof exports === "string") return exports
  if (Array.isArray(exports)) return exports.map(pickExport).find((path) => path !== undefined)
  if (typeof exports !== "object" || exports === null) return undefined
  for (const [key, value] of Object.entries(exports)) {
    if (key !== "." && !conditions.has(key)) continue
    const path = pickExport(value)
    if (path !== undefined) return path
  }
  return undefined
}

function toCandidates(named: string): string[] {
  const path = posix.normalize(named).replace(/^\/+|\/+$/g, "")
  const typed = path.replace(/\.([cm]?)js$/, ".$1ts")
  const paths = [...endings.map((ending) => posix.normalize(path + ending)), typed]
  return [...new Set(paths)].filter((candidate) => /^[^./]|^\.[^./]/.test(candidate))
}
