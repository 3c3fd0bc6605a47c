import type { Json } from "@pagoda/sdk"

/** Deeper than any value that people write. */
const MAX_DEPTH = 200

/**
 * A copy of what is known to be plain JSON. Every call of a hook pays for it: by hand it costs a thirtieth of what
 * `structuredClone` does.
 */
export function copyPlain<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(copyPlain) as T
  const copy = { ...value }
  for (const key in copy) {
    const inner = copy[key]
    if (typeof inner === "object" && inner !== null) copy[key] = copyPlain(inner)
  }
  return copy
}

/**
 * A copy that is plain JSON of what a plugin gave: neither side can change what the other holds. What `JSON.stringify`
 * leaves out is left out.
 *
 * @throws where a value is no JSON
 */
export function toPlain(value: unknown, depth = 0): Json | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value
    case "number":
      if (Number.isFinite(value)) return value
      throw new TypeError(`${value} is no JSON`)
    case "object":
      if (value === null) return null
      if (depth > MAX_DEPTH) throw new TypeError(`a value that is more than ${MAX_DEPTH} deep is no JSON`)
      if (Array.isArray(value)) return Array.from(value, (item) => toPlain(item, depth + 1) ?? null)
      return toPlainObject(value, depth)
    default:
      throw new TypeError(`a ${typeof value} is no JSON`)
  }
}

function toPlainObject(value: object, depth: number): Json | undefined {
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === "function") return toPlain(toJSON.call(value), depth + 1)
  const copy: { [key: string]: Json } = {}
  for (const [key, inner] of Object.entries(value)) {
    const plain = toPlain(inner, depth + 1)
    if (plain === undefined) continue
    // assigning that one would set the prototype
    if (key === "__proto__") Object.defineProperty(copy, key, { value: plain, enumerable: true, writable: true })
    else copy[key] = plain
  }
  return copy
}
