import { toBuiltin } from "../policy/names.ts"
import { type Finding, readImports } from "../policy/source.ts"
import { type Position, toPlace } from "../policy/tree.ts"
import type { OutputFinding } from "../policy.ts"
import { type SourceFiles, toPackageFolder } from "./resolve.ts"

/** An import that leads nowhere. */
type Problem = { importer: string; specifier: string; wanted: string }

/** Knows where in the plugin's own files something was that shows in the bundle. */
export type Origins = {
  readonly problems: Problem[]
  /** Remembers who imports a builtin: the bundle has each only once. */
  note(importer: string, specifier: string, builtin: string): void
  place(findings: readonly OutputFinding[], code: string, id: string): Promise<Finding[]>
  explain(): Promise<string[]>
}

export function createOrigins(files: SourceFiles): Origins {
  const problems: Problem[] = []
  const importers = new Map<string, Set<string>>()

  const find = async (importer: string, matches: (specifier: string) => boolean): Promise<Position[]> => {
    const text = new TextDecoder().decode(files.get(importer))
    const found = await readImports(importer, text)
    return found.filter(({ specifier }) => matches(specifier)).map(({ position }) => position)
  }

  return {
    problems,
    note(importer, _, builtin) {
      importers.set(builtin, (importers.get(builtin) ?? new Set()).add(importer))
    },

    async place(findings, code, id) {
      if (findings.length === 0) return []
      const toOrigin = await readSourceMap(code, id)
      const placed: Finding[] = []
      for (const { position, specifier, own, ...finding } of findings) {
        const from = specifier === undefined ? [] : [...(importers.get(specifier) ?? [])].sort()
        const place = toOrigin(position)
        if (own && toPackageFolder(place)) continue
        if (from.length === 0) placed.push({ ...finding, place })
        for (const importer of from) {
          const named = await find(importer, (found) => toBuiltin(found) === specifier)
          // the bundler computes what is constant: `import(`node:${"fs"}`)`
          const positions = named.length > 0 ? named : await find(importer, (found) => found === "")
          if (positions.length === 0) placed.push({ ...finding, place: importer })
          placed.push(...positions.map((one) => ({ ...finding, place: toPlace(importer, one) })))
        }
      }
      return unique(placed)
    },

    async explain() {
      const lines: string[] = []
      for (const { importer, specifier, wanted } of problems) {
        const position = specifier === importer ? undefined : (await find(importer, (found) => found === specifier))[0]
        const place = position ? toPlace(importer, position) : importer
        lines.push(specifier === importer ? `"${place}": ${wanted}` : `"${place}" imports "${specifier}": ${wanted}`)
      }
      return lines
    },
  }
}

async function readSourceMap(code: string, id: string): Promise<(position: Position) => string> {
  const { TraceMap, traceSegment } = await import("@jridgewell/trace-mapping")
  const encoded = code.slice(code.lastIndexOf("base64,") + "base64,".length)
  const map = new TraceMap(Buffer.from(encoded, "base64").toString())
  return (position) => {
    const [, source, line, column] = traceSegment(map, position.line - 1, position.column) ?? []
    if (source === undefined) return `the bundle:${position.line}:${position.column + 1}`
    // not the map's resolved names: those are short of a slash where a name is a URL
    const file = String(map.sources[source]).slice(`plugin:${id}/`.length)
    return toPlace(file, { line: (line as number) + 1, column: column as number })
  }
}

/** Several references on one line are one finding. */
function unique(findings: readonly Finding[]): Finding[] {
  const kept = new Map<string, Finding>()
  for (const finding of findings) {
    const key = `${finding.place.replace(/:\d+$/, "")} ${finding.does}`
    if (!kept.has(key)) kept.set(key, finding)
  }
  return [...kept.values()]
}
