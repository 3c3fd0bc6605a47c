export type JsonSchema = { [key: string]: unknown }

const types = new Set(["string", "number", "integer", "boolean", "array", "object", "null"])
const modelPrefix = "#/components/schemas/"

/** Plain JSON Schema of what TypeBox and Elysia write: no types of JavaScript's own, references to renamed models. */
export function toJsonSchema(schema: unknown, rename: (model: string) => string): JsonSchema {
  return convert(JSON.parse(JSON.stringify(schema)), rename) as JsonSchema
}

function convert(value: unknown, rename: (model: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => convert(item, rename))
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).filter(([key]) => key !== "$id" && key !== "elysiaMeta" && key !== "error")
  const made = Object.fromEntries(entries.map(([key, member]) => [key, convertMember(key, member, rename)]))
  if (typeof made.$ref === "string") made.$ref = modelPrefix + rename(made.$ref.slice(made.$ref.lastIndexOf("/") + 1))
  if (typeof made.type === "string" && !types.has(made.type) && !("in" in made) && !("scheme" in made)) {
    if (made.type === "Date") Object.assign(made, { type: "string", format: "date-time" })
    else delete made.type
  }
  return unwrap(made)
}

/** Elysia says "all of these" of one alone. */
function unwrap({ allOf, ...schema }: JsonSchema): JsonSchema {
  if (Array.isArray(allOf) && allOf.length === 1) return { ...allOf[0], ...schema }
  return allOf === undefined ? schema : { allOf, ...schema }
}

function convertMember(key: string, member: unknown, rename: (model: string) => string): unknown {
  if (dataKeys.has(key)) return member
  if (!nameKeys.has(key) || typeof member !== "object" || member === null) return convert(member, rename)
  return Object.fromEntries(Object.entries(member).map(([name, schema]) => [name, convert(schema, rename)]))
}

/** The keys of their values are names of somebody's choice, such as "error", and no keywords. */
const nameKeys = new Set(["properties", "patternProperties"])

/** Their values are data, whatever they look like. */
const dataKeys = new Set(["default", "const", "enum", "example", "examples"])
