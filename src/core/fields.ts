import type { Issue } from "../errors.ts"

export type Fields = { readonly [name: string]: unknown }

/** A body that must be an object of known fields; what is wrong goes to `issues`, and an empty object comes back. */
export function toFields(value: unknown, known: readonly string[], issues: Issue[], path = ""): Fields {
  if (!isObject(value)) {
    issues.push({ path, message: `this is ${show(value)}, wanted an object`, code: "OBJECT" })
    return {}
  }
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue
    const message = `there is no field ${show(name)}, wanted one of "${known.join('", "')}"`
    issues.push({ path: join(path, name), message, code: "FIELD_UNKNOWN" })
  }
  return value
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

export function join(path: string, name: string | number): string {
  return path === "" ? String(name) : `${path}.${name}`
}

/** A value as a message has it. */
export function show(value: unknown): string {
  if (value === undefined) return "missing"
  const text = toText(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

/** A plugin may hand over what JSON has no way to say. */
function toText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return `a ${typeof value} that is no JSON`
  }
}
