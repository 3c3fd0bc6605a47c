import type { Difference, FileChange } from "../plugins/difference.ts"
import type { LockedPlugin } from "../plugins/lockfile.ts"
import { toSafe } from "./output.ts"
import type { PluginTrust } from "./trust.ts"

type Version = Pick<LockedPlugin, "source" | "version" | "integrity">

/** What became of one plugin, as `--json` prints it. */
export type UpdateReport = {
  id: string
  result: "updated" | "current" | "failed"
  from: Version
  to?: Version
  files?: Difference["files"]
  packages?: Difference["packages"]
  /** `unasked` is still granted: only who edits the lockfile takes a grant away. */
  permissions?: { granted: string[]; newly_asked: string[]; unasked: string[] }
  trust?: PluginTrust
  /** What was shown of the origin of the old one, and cannot be of the new one. */
  weaker?: string[]
  error?: { code: string; message: string }
}

const maxShown = 50
const marks = { added: "+", removed: "-", changed: "~" }

export function toVersion({ source, version, integrity }: LockedPlugin): Version {
  return { source, version, integrity }
}

/** Old and new side by side, then what is another file or package. */
export function describeChange(
  from: Version,
  to: Version,
  difference: Difference,
  { asked, unasked, weaker }: Record<"asked" | "unasked" | "weaker", readonly string[]>,
): string {
  const rows = [
    ["version", `${from.version ?? "none"} → ${to.version ?? "as its code says"}`],
    ["integrity", `${from.integrity ?? "none"} → ${to.integrity}`],
    ...weaker.map((text) => ["weaker", text]),
    ...(asked.length > 0 ? [["new", asked.join(", ")]] : []),
    ...(unasked.length > 0 ? [["unasked", `${unasked.join(", ")} (still granted)`]] : []),
    ["changed", describeFiles(difference.files)],
  ]
  const lines = rows.map(([label = "", text = ""]) => `  ${label.padEnd(10)} ${toSafe(text)}`)
  return [...lines, ...listFiles(difference.files ?? []), ...listPackages(difference)].join("\n")
}

function describeFiles(files: Difference["files"]): string {
  if (files === null) return "the old files are not on this machine: they cannot be compared"
  if (files.length === 0) return "no file"
  const counts = Map.groupBy(files, ({ change }) => change)
  const parts = [...counts].map(([change, found]) => `${found.length} ${change}`)
  return `${files.length} ${files.length === 1 ? "file" : "files"} (${parts.join(", ")})`
}

function listFiles(files: FileChange[]): string[] {
  const lines = files.slice(0, maxShown).map(({ path, change, from_bytes, to_bytes }) => {
    const sizes = [from_bytes, to_bytes].filter((bytes) => bytes !== null)
    return `    ${marks[change]} ${toSafe(path)} (${sizes.join(" → ")} bytes)`
  })
  return files.length > maxShown
    ? [...lines, `    and ${files.length - maxShown} more files: "--json" lists all`]
    : lines
}

function listPackages({ packages }: Difference): string[] {
  const lines = packages
    .slice(0, maxShown)
    .map(({ package: spec, change }) => `    ${marks[change]} package ${toSafe(spec)}`)
  return packages.length > maxShown
    ? [...lines, `    and ${packages.length - maxShown} more packages: "--json" lists all`]
    : lines
}
