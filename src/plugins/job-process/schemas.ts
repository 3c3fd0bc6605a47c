import type { Json } from "@pagoda/sdk"
import { toPlain } from "../plain.ts"

/** TypeBox knows its schemas by symbols, which JSON has not: on the way they are names. */
const prefix = "TypeBox."
const mark = "\0"

/** A job's definition without its functions, as plain JSON. */
export function packDefinition(definition: object): Json {
  return toPlain(pack(definition)) ?? {}
}

export function unpackDefinition(packed: unknown): unknown {
  if (typeof packed !== "object" || packed === null) return packed
  if (Array.isArray(packed)) return packed.map(unpackDefinition)
  const entries = Object.entries(packed).map(([key, value]) => [
    key.startsWith(mark + prefix) ? Symbol.for(key.slice(mark.length)) : key,
    unpackDefinition(value),
  ])
  return Object.fromEntries(entries)
}

function pack(value: unknown, depth = 0): unknown {
  if (typeof value === "function") return undefined
  // what is deeper is refused by `toPlain`
  if (typeof value !== "object" || value === null || depth > 250) return value
  if (Array.isArray(value)) return value.map((item) => pack(item, depth + 1))
  const names = Object.entries(value)
  const symbols = Object.getOwnPropertySymbols(value).flatMap((symbol): [string, unknown][] => {
    const name = Symbol.keyFor(symbol)
    return name?.startsWith(prefix) ? [[mark + name, Reflect.get(value, symbol)]] : []
  })
  return Object.fromEntries([...names, ...symbols].map(([key, inner]) => [key, pack(inner, depth + 1)]))
}
