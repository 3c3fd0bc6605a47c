import { Type } from "@sinclair/typebox"
import { PagodaError } from "../errors.ts"
import { toIssues } from "../issues.ts"
import type { FetchedSource } from "./fetch.ts"
import { idPattern } from "./id.ts"

/** What a source says of itself, readable without running any of its code. */
export type Manifest = {
  id: string
  permissions: string[]
  engines: { pagoda?: string }
  dependencies: Record<string, string>
}

const schema = Type.Object(
  {
    id: Type.String({ pattern: idPattern.source, maxLength: 100 }),
    permissions: Type.Optional(Type.Array(Type.String({ pattern: "^\\S+$" }))),
    engines: Type.Optional(Type.Object({ pagoda: Type.Optional(Type.String()) }, { additionalProperties: false })),
    dependencies: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { additionalProperties: false },
)

/** A tree's is the field `pagoda` of its package.json, a single module's its first comment `/** @pagoda {…} *\/`. */
export function readManifest(fetched: FetchedSource): Manifest | undefined {
  const found = fetched.files.has("package.json") ? fromPackage(fetched) : fromComment(fetched)
  if (found === undefined) return undefined
  const issues = toIssues(schema, found)
  if (issues.length > 0) {
    const list = issues.map(({ path, message }) => `${path || "it"}: ${message}`).join("; ")
    throw new PagodaError("PLUGIN_INVALID", `Cannot read the manifest of the plugin: ${list}`, { issues })
  }
  return { permissions: [], engines: {}, dependencies: {}, ...(found as Partial<Manifest> & { id: string }) }
}

/** What package.json says, for trees that have one. */
export function readPackage(fetched: FetchedSource): Record<string, unknown> | undefined {
  const bytes = fetched.files.get("package.json")
  if (!bytes) return undefined
  const value = parse(new TextDecoder().decode(bytes), "package.json")
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new PagodaError("PLUGIN_INVALID", "Cannot read package.json of the plugin: it is no JSON object")
}

function fromPackage(fetched: FetchedSource): unknown {
  return readPackage(fetched)?.pagoda
}

function fromComment(fetched: FetchedSource): unknown {
  const source = new TextDecoder().decode(fetched.files.get(fetched.entry))
  const comment = /^(?:\uFEFF)?\s*\/\*\*[\s*]*@pagoda\s([\s\S]*?)\*\//.exec(source)?.[1]
  if (comment === undefined) return undefined
  return parse(comment.replace(/^[ \t]*\* ?/gm, ""), "the comment @pagoda")
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new PagodaError("PLUGIN_INVALID", `Cannot read ${where} of the plugin: it is no JSON`, { cause })
  }
}
