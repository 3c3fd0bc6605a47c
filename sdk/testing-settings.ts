import type { TObject, TSchema } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import type { Json } from "./data.ts"
import { PluginValidationError } from "./errors.ts"

type Settings = Readonly<Record<string, unknown>>

/** The settings of a plugin under test: checked as the host checks them, and told to `onSettings`. */
export type TestSettings = {
  readonly current: Settings
  set(changes: object): Promise<void>
}

export type TestSettingsOptions = {
  settings?: TObject
  onSettings?: (settings: never) => unknown
}

export function createTestSettings(
  { settings: schema, onSettings }: TestSettingsOptions,
  given: object = {},
): TestSettings {
  const stored = new Map<string, Json>()
  let current: Settings = {}
  const apply = (changes: object) => {
    const plain = Object.entries(toPlain(changes))
    const next = new Map(stored)
    for (const [key, value] of plain) {
      if (value === null) next.delete(key)
      else next.set(key, value)
    }
    const values = schema ? fill(schema, next) : Object.fromEntries(next)
    if (schema) for (const [key, value] of plain) check(schema, key, value, values[key])
    stored.clear()
    for (const [key, value] of next) stored.set(key, value)
    const isChanged = JSON.stringify(values) !== JSON.stringify(current)
    if (isChanged) current = freeze(values)
    return isChanged
  }
  apply(given)

  return {
    get current() {
      return current
    },
    async set(changes) {
      if (apply(changes)) await onSettings?.(current as never)
    },
  }
}

function fill(schema: TObject, stored: ReadonlyMap<string, Json>): Record<string, unknown> {
  const values = Object.entries(schema.properties).map(([key, property]) => {
    return [key, Value.Default(property, structuredClone(stored.get(key)))]
  })
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}

function check(schema: TObject, key: string, given: Json, filled: unknown): void {
  const property: TSchema | undefined = Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined
  if (!property) throw unfit(key, "is unknown")
  if (given === null) {
    if (filled === undefined && schema.required?.includes(key)) throw unfit(key, "has no default to return to")
    return
  }
  const problem = Value.Errors(property, filled).First()
  if (problem) throw unfit(`${key}${problem.path.replaceAll("/", ".")}`, problem.message)
}

/** As it goes to the host, which takes plain JSON. */
function toPlain(changes: object): Record<string, Json> {
  return JSON.parse(JSON.stringify(changes))
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value)
    for (const inner of Object.values(value)) freeze(inner)
  }
  return value
}

function unfit(path: string, problem: string): PluginValidationError {
  return new PluginValidationError(`The settings do not fit: ${path}: ${problem}`, { code: "VALIDATION_FAILED", path })
}
