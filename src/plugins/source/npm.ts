import { isVersion } from "../versions.ts"

export type NpmSource = { kind: "npm"; name: string; version: string }
export type NpmRequest = { kind: "npm"; name: string; range: string }

const namePattern = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i

/** `<name>@<exact version>`, or why it is not that. */
export function parseNpm(text: string): NpmSource | string {
  const read = parseNpmRequest(text)
  if (typeof read === "string") return read
  const { name, range } = read
  if (!text.slice(1).includes("@")) return `it names no version, wanted "npm:${name}@<exact version>"`
  if (!isVersion(range)) return `"${range}" is no exact version, wanted one such as "npm:${name}@1.2.3"`
  return { kind: "npm", name, version: range }
}

/** `<name>`, `<name>@<tag>` or `<name>@<range>`. */
export function parseNpmRequest(text: string): NpmRequest | string {
  const at = text.indexOf("@", 1)
  const name = at < 0 ? text : text.slice(0, at)
  const range = at < 0 ? "latest" : text.slice(at + 1)
  if (name === "") return 'it names no package, wanted "npm:<name>@<version>"'
  if (!namePattern.test(name) || name.length > 214) return `"${name}" is no name of an npm package`
  if (range === "") return `it names no version after the "@", wanted "npm:${name}@<version>"`
  if (/[:/\\]/.test(range)) return `"${range}" is no version, range or tag of an npm package`
  return { kind: "npm", name, range }
}
