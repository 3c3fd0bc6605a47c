import { once } from "node:events"
import { createGunzip } from "node:zlib"
import type { Extract, Header } from "tar-stream"
import { PagodaError, toMessage } from "../../errors.ts"
import { buildTree, type FileTree, maxTreeBytes, maxTreeFiles, refused, type TreeBuilder } from "../tree.ts"

/** Headers and padding come on top of what the files may have. */
const maxTarBytes = maxTreeBytes + maxTreeFiles * 2048 + 1024 * 1024

/**
 * The regular files of a `.tgz`, without their first folder. Anything else in it is refused.
 * @param onFile is told each file's size before it is unpacked, and may throw
 */
export async function unpackTarball(
  bytes: Uint8Array,
  name: string,
  onFile?: (size: number) => void,
): Promise<FileTree> {
  const subject = `Cannot unpack "${name}"`
  const tree = buildTree(subject)
  try {
    await readEntries(bytes, tree, subject, onFile)
  } catch (error) {
    if (error instanceof PagodaError) throw error
    throw new PagodaError("SOURCE_REFUSED", `${subject}: it is no whole gzipped tar archive (${toMessage(error)})`, {
      cause: error,
    })
  }
  const files = tree.finish()
  for (const path of files.keys()) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      if (files.has(path.slice(0, end)))
        throw refused(subject, path.slice(0, end), "is a file and a folder", "one of them")
    }
  }
  return files
}

async function readEntries(
  bytes: Uint8Array,
  tree: TreeBuilder,
  subject: string,
  onFile?: (size: number) => void,
): Promise<void> {
  const { extract } = await import("tar-stream")
  const archive = extract()
  const seen = new Map<string, Uint8Array>()
  const done = Promise.withResolvers<void>()
  archive.on("error", done.reject)
  archive.on("finish", done.resolve)
  archive.on("entry", (header, content, next) => {
    const chunks: Uint8Array[] = []
    content.on("data", (chunk) => void chunks.push(chunk as Uint8Array))
    content.on("error", done.reject)
    try {
      const path = toPath(header, subject)
      if (path !== undefined) {
        tree.expect(path, header.size)
        onFile?.(header.size)
      }
      content.on("end", () => {
        try {
          if (path !== undefined) addOnce(tree, seen, path, Buffer.concat(chunks))
          next()
        } catch (error) {
          done.reject(error)
        }
      })
    } catch (error) {
      done.reject(error)
    }
  })
  const ended = new AbortController()
  try {
    await Promise.race([done.promise, gunzipInto(bytes, archive, subject, ended.signal).then(() => done.promise)])
  } finally {
    ended.abort()
  }
}

/** Piece by piece, so that a bomb is stopped at the limit and never held whole. */
async function gunzipInto(bytes: Uint8Array, archive: Extract, subject: string, signal: AbortSignal): Promise<void> {
  const gunzip = createGunzip()
  gunzip.end(bytes)
  let total = 0
  for await (const chunk of gunzip) {
    total += chunk.length
    if (total > maxTarBytes)
      throw new PagodaError("SOURCE_TOO_LARGE", `${subject}: it unpacks to more than 200 MiB, which is the limit`)
    if (!archive.write(chunk)) await once(archive, "drain", { signal })
  }
  archive.end(null)
}

const kinds: Partial<Record<string, string>> = {
  symlink: "is a symbolic link",
  link: "is a hard link",
  "character-device": "is a device",
  "block-device": "is a device",
  fifo: "is a pipe",
}

/** The path of a file below the first folder; nothing for what npm leaves out as well. */
function toPath(header: Header, subject: string): string | undefined {
  const { name } = header
  const type: string = header.type ?? "unknown"
  if (type !== "file" && type !== "contiguous-file" && type !== "directory")
    throw refused(subject, name, kinds[type] ?? `is of the unknown type "${type}"`, "a regular file")
  if (name.startsWith("/")) throw refused(subject, name, "is an absolute path", "a path below the root")
  const parts = name.split("/").filter((part) => part !== "" && part !== ".")
  if (parts.includes("..")) throw refused(subject, name, "leads out of its root", "a path below the root")
  return type === "directory" || parts.length < 2 ? undefined : parts.slice(1).join("/")
}

/** Some packages on the registry hold a file twice; only where the two differ is it unclear which one is meant. */
function addOnce(tree: TreeBuilder, seen: Map<string, Uint8Array>, path: string, bytes: Uint8Array): void {
  const before = seen.get(path)
  if (before && Buffer.compare(before, bytes) === 0) return
  seen.set(path, bytes)
  tree.add(path, bytes)
}
