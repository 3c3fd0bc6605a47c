import type { TObject, TSchema } from "@sinclair/typebox"

/** One setting that a plugin declares. */
export type Setting = {
  readonly schema: TSchema
  /** Marked by `secret()`, it or any part of it. */
  readonly isSecret: boolean
  /** It is there whatever happens: by its default, or because somebody has to set it. */
  readonly isRequired: boolean
}

export type Declared = ReadonlyMap<string, Setting>

export function toDeclared(schema: TObject | undefined): Declared {
  const required = new Set(schema?.required ?? [])
  const settings = Object.entries(schema?.properties ?? {}).map(([key, property]): [string, Setting] => {
    return [key, { schema: property, isSecret: isSecret(property), isRequired: required.has(key) }]
  })
  return new Map(settings)
}

export function isSecret(schema: unknown): boolean {
  return isMarked(schema) || partsOf(schema).some(isSecret)
}

/** Whether the code of the plugin, which everybody can read, has a secret in it. */
export function hasSecretDefault(schema: unknown): boolean {
  if (isMarked(schema)) return hasDefault(schema)
  return (isSecret(schema) && !isEmpty(Object(schema).default)) || partsOf(schema).some(hasSecretDefault)
}

function isMarked(schema: unknown): boolean {
  return Object(schema).secret === true
}

function hasDefault(schema: unknown): boolean {
  return Object(schema).default !== undefined || partsOf(schema).some(hasDefault)
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (typeof value === "object" && Object.keys(Object(value)).length === 0)
}

/** The schemas in a schema: in `properties` every name is one. */
function partsOf(schema: unknown): unknown[] {
  if (typeof schema !== "object" || schema === null) return []
  return Object.entries(schema).flatMap(([name, part]) => {
    if (name === "default" || name === "const" || name === "enum" || name === "examples") return []
    return name === "properties" ? Object.values(Object(part)) : [part]
  })
}
