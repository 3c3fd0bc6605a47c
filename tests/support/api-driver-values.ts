import type { Schema } from "./openapi.ts"
import type { Random } from "./random.ts"

export type Sampling = {
  random: Random
  resolve(ref: string): Schema
  /** What is known for a field of this name, such as ids of earlier answers. */
  known(field: string): readonly unknown[] | undefined
  /** A value of the caller's own for a field, in place of what the schema says. */
  special(field: string): unknown
  /** A number that was not given before. */
  fresh(): number
}

/** A value that the schema allows; fields that may be left out are there half of the time. */
export function sample(schema: Schema, field: string, sampling: Sampling): unknown {
  const { random } = sampling
  const special = sampling.special(field)
  if (special !== undefined) return special
  if (schema.$ref) return sample(sampling.resolve(schema.$ref), field, sampling)
  if ("const" in schema) return schema.const
  if (schema.enum) return random.pick(schema.enum)
  const options = schema.anyOf ?? schema.oneOf
  if (options) return sample(random.pick(options), field, sampling)
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part: Schema) => sample(part, field, sampling)))
  if (schema.type !== "array" && schema.type !== "object" && random.chance(0.85)) {
    const known = sampling.known(field)
    if (known?.length) return random.pick(known)
  }
  const examples = schema.examples ?? (schema.example === undefined ? [] : [schema.example])
  if (examples.length > 0 && field !== "name" && random.chance(0.2)) return structuredClone(random.pick(examples))
  if ("default" in schema && random.chance(0.3)) return schema.default
  return byType(schema, field, sampling)
}

function byType(schema: Schema, field: string, sampling: Sampling): unknown {
  const { random } = sampling
  const type = Array.isArray(schema.type) ? random.pick(schema.type) : schema.type
  if (type === "object") return sampleObject(schema, field, sampling)
  if (type === "array") {
    const length = random.between(schema.minItems ?? 0, Math.min(schema.maxItems ?? 3, 3))
    return Array.from({ length }, () => sample(schema.items ?? {}, field, sampling))
  }
  if (type === "string") return sampleString(schema, sampling)
  if (type === "integer" || type === "number") return sampleNumber(schema, random, type === "integer")
  if (type === "boolean") return random.chance(0.5)
  if (type === "null") return null
  return randomJson(random, 2)
}

function sampleObject(schema: Schema, field: string, sampling: Sampling): unknown {
  const { random } = sampling
  const required = new Set<string>(schema.required ?? [])
  const made: Record<string, unknown> = {}
  for (const [name, member] of Object.entries<Schema>(schema.properties ?? {})) {
    if (required.has(name) || random.chance(0.5)) made[name] = sample(member, name, sampling)
  }
  const rest = schema.additionalProperties ?? Object.values(schema.patternProperties ?? {})[0]
  if (typeof rest === "object") {
    for (let left = random.between(0, 2); left > 0; left--) {
      made[random.pick(["cpu", "note", "ämne", "x"])] = sample(rest as Schema, field, sampling)
    }
  }
  return made
}

function sampleNumber({ minimum = -1000, maximum = 1000 }: Schema, random: Random, isInteger: boolean): number {
  if (random.chance(0.2)) return random.pick([minimum, maximum])
  const value = minimum + random.next() * Math.min(maximum - minimum, 100)
  return isInteger ? Math.floor(value) : value
}

function sampleString(schema: Schema, { random, fresh }: Sampling): string {
  const { minLength = 0, maxLength = 200, pattern, format } = schema
  if (format === "date-time") return new Date(random.between(0, 2e9) * 1000).toISOString()
  if (format === "date") return "2026-02-28"
  if (format === "email") return `user${fresh()}@example.com`
  const number = fresh()
  const candidates = [
    `name-${number}`,
    `name${number}`,
    "7",
    "a",
    "forbidden",
    "Ünï code 💥 名",
    "x".repeat(Math.min(maxLength, 300)),
  ]
  const fitting = candidates.filter(
    (text) => text.length >= minLength && text.length <= maxLength && (!pattern || new RegExp(pattern, "u").test(text)),
  )
  // the first is new, so that most names are free
  return random.chance(0.8) ? (fitting[0] ?? "a") : random.pick(fitting.length > 0 ? fitting : ["a"])
}

/** Written as a number that JSON allows and no double holds. */
export const tooLarge = "@too large@"

export function oddValue(random: Random): unknown {
  if (random.chance(0.03)) return "ß".repeat(random.pick([32_768, 32_769, 70_000]))
  return random.pick(oddValues)
}

const oddValues: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1.5, 1e-320, 1e308, 2 ** 31, 2 ** 53, -(2 ** 53), 2 ** 63, tooLarge],
  ...[
    "",
    " ",
    "a".repeat(200),
    "a".repeat(201),
    "\u0000",
    "a\u0000b",
    "\ud800",
    "x\udfff",
    "💥",
    "é",
    "e\u0301",
    "İ",
    "ﬁ",
    "%",
  ],
  ...[
    "_",
    "\\",
    "'; drop table entry --",
    "__proto__",
    "constructor",
    "toString",
    "2026-02-30",
    "2026-13-01T00:00:00Z",
  ],
  ...[
    "0",
    "01",
    "1e3",
    "-1",
    "true",
    "null",
    "NaN",
    "(a+)+$",
    "[",
    "../..",
    "\r\nx: y",
    "\u202e",
    "a.b",
    "a[b]",
    "attrs.0",
  ],
  ...[[], [[]], [null], [1, "1"], Array.from({ length: 300 }, (_, index) => index), {}, { id: 1 }, { name: 1 }],
  JSON.parse('{"__proto__": {"is_admin": true}}'),
  { constructor: { prototype: {} } },
  { a: { b: { c: [{ d: null }] } } },
]

export function randomJson(random: Random, depth: number): unknown {
  if (depth === 0 || random.chance(0.6)) return oddValue(random)
  const size = random.between(0, 3)
  if (random.chance(0.5)) return Array.from({ length: size }, () => randomJson(random, depth - 1))
  return Object.fromEntries(Array.from({ length: size }, (_, index) => [`k${index}`, randomJson(random, depth - 1)]))
}

/** The value with one thing changed anywhere in it: replaced, left out or added. */
export function breakValue(value: unknown, random: Random): unknown {
  const isInner = typeof value === "object" && value !== null
  if (!isInner || random.chance(0.15)) return oddValue(random)
  if (Array.isArray(value)) {
    const at = random.between(0, value.length)
    return value.toSpliced(
      at,
      1,
      at < value.length && random.chance(0.7) ? breakValue(value[at], random) : oddValue(random),
    )
  }
  const made: Record<string, unknown> = { ...value }
  const keys = Object.keys(made)
  if (keys.length === 0 || random.chance(0.2)) {
    Object.defineProperty(made, random.pick(["extra", "__proto__", "id", "", "a.b", "is_admin", "\ud800", "length"]), {
      value: oddValue(random),
      enumerable: true,
      configurable: true,
    })
    return made
  }
  const key = random.pick(keys)
  if (random.chance(0.3)) delete made[key]
  else made[key] = breakValue(made[key], random)
  return made
}
