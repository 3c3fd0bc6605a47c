import { PagodaError } from "../errors.ts"
import { readRange } from "./range.ts"
import type { FileTree } from "./tree.ts"

const folder = "static/"

/**
 * Answers with the files of the folder `static`, out of the bytes that were verified: a path is a key of theirs, and leads
 * nowhere else.
 */
export function createStatic(files: FileTree, prefix: string): (request: Request) => Response {
  const tags = new Map<string, string>()
  const toTag = (path: string, bytes: Uint8Array) => {
    const known = tags.get(path)
    if (known) return known
    const tag = `"${new Bun.CryptoHasher("sha256").update(bytes).digest("base64url")}"`
    tags.set(path, tag)
    return tag
  }

  return ({ url, method, headers }) => {
    const path = folder + toPath(url, prefix)
    const bytes = files.get(path)
    if (!bytes) throw new PagodaError("NOT_FOUND", `There is no file "${path}" in the plugin`)
    const etag = toTag(path, bytes)
    const common = {
      etag,
      // whoever may not see it any more, and whoever has that of an older version, has to ask
      "cache-control": "private, no-cache",
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
    }
    if (isKnown(headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers: common })
    const whole = { ...common, "content-type": toType(path), "accept-ranges": "bytes" }
    const wanted = method === "GET" && isCurrent(headers.get("if-range"), etag) ? headers.get("range") : null
    const range = readRange(wanted, bytes.length)
    if (range === undefined) return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: whole })
    if (range === null) {
      throw new PagodaError("RANGE_INVALID", `Cannot read "${wanted}" of "${path}": it has ${bytes.length} bytes`, {
        headers: { "content-range": `bytes */${bytes.length}` },
      })
    }
    const { first, last } = range
    const part = bytes.subarray(first, last + 1) as Uint8Array<ArrayBuffer>
    const place = { "content-range": `bytes ${first}-${last}/${bytes.length}` }
    return new Response(part, { status: 206, headers: { ...whole, ...place } })
  }
}

/** Decoded once: what is still encoded after that is part of a name. */
function toPath(url: string, prefix: string): string {
  const path = url.slice(url.indexOf("/", 7) + prefix.length)
  return decodeURIComponent(path.split(/[?#]/, 1)[0] ?? "")
}

/** By the name alone. */
function toType(path: string): string {
  // no browser runs these: they are for reading
  if (/\.(?:[cm]?ts|[jt]sx)$/i.test(path)) return "text/plain;charset=utf-8"
  const { type } = Bun.file(path)
  return type.startsWith("text/") && !type.includes("charset") ? `${type};charset=utf-8` : type
}

function isKnown(header: string | null, etag: string): boolean {
  if (header === null) return false
  return header.split(",").some((tag) => ["*", etag, `W/${etag}`].includes(tag.trim()))
}

function isCurrent(ifRange: string | null, etag: string): boolean {
  return ifRange === null || ifRange === etag
}
