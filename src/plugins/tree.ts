import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs"
import { join } from "node:path"
import { PagodaError } from "../errors.ts"
import { toSri } from "./integrity.ts"

/** Path below the root, with `/` → content; in byte order of the path. Regular files only. */
export type FileTree = ReadonlyMap<string, Uint8Array>

export const maxTreeFiles = 10_000
export const maxTreeBytes = 200 * 1024 * 1024
/** What Linux takes. */
const maxPathLength = 4096

/** Collects files one by one and refuses what no tree may have, each with a message of its own. */
export type TreeBuilder = {
  /** Checks a path and a size before the bytes are read. */
  expect(path: string, size: number): void
  add(path: string, bytes: Uint8Array): void
  finish(): FileTree
}

/** @param subject what is read, as its errors begin: `Cannot unpack "ms@2.1.3"` */
export function buildTree(subject: string): TreeBuilder {
  const files = new Map<string, Uint8Array>()
  let count = 0
  let total = 0
  return {
    expect(path, size) {
      checkPath(path, subject)
      if (++count > maxTreeFiles)
        throw new PagodaError(
          "SOURCE_TOO_LARGE",
          `${subject}: it has more than ${maxTreeFiles} files, which is the limit`,
        )
      total += size
      if (total > maxTreeBytes)
        throw new PagodaError("SOURCE_TOO_LARGE", `${subject}: its files have more than 200 MiB, which is the limit`)
    },
    add(path, bytes) {
      if (files.has(path)) throw refused(subject, path, "comes twice", "each path once")
      files.set(path, bytes)
    },
    finish: () => new Map(inByteOrder([...files.keys()]).map((path) => [path, files.get(path) as Uint8Array])),
  }
}

export function refused(subject: string, path: string, is: string, wanted: string): PagodaError {
  return new PagodaError("SOURCE_REFUSED", `${subject}: ${JSON.stringify(path)} ${is}, wanted ${wanted}`)
}

function checkPath(path: string, subject: string): void {
  if (path.length > maxPathLength) {
    const start = `${path.slice(0, 100)}…`
    throw refused(subject, start, `has ${path.length} characters`, `at most ${maxPathLength}`)
  }
  // "sha512sum" escapes these, so that its lines would not be the tree's
  if (/[\n\r\\\0]/.test(path)) throw refused(subject, path, "has a newline or backslash in its name", "a plain name")
  if (path.includes("\ufffd") || !path.isWellFormed()) throw refused(subject, path, "is no UTF-8", "a UTF-8 name")
  if (path.startsWith("/")) throw refused(subject, path, "is an absolute path", "a path below the root")
  if (path.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw refused(subject, path, "leads out of its root or is not in its shortest form", "a path below the root")
}

/** UTF-16 order differs from UTF-8's only where surrogates are. */
function inByteOrder(paths: string[]): string[] {
  if (!paths.some((path) => /[\ud800-\udfff]/.test(path))) return paths.sort()
  return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** The SRI of a tree's `sha512sum` lines, as the contract defines it. */
export function treeIntegrity(files: FileTree): string {
  let lines = ""
  for (const path of inByteOrder([...files.keys()]))
    lines += `${new Bun.CryptoHasher("sha512").update(files.get(path) as Uint8Array).digest("hex")}  ${path}\n`
  return toSri(lines)
}

/** The files of a folder, without every `.git` and `node_modules` folder in it. */
export async function readTree(folder: string): Promise<FileTree> {
  const subject = `Cannot read the folder "${folder}"`
  const tree = buildTree(subject)
  const folders = [""]
  let unbroken = 0
  for (let below = folders.pop(); below !== undefined; below = folders.pop()) {
    for (const found of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below + found.name
      if (found.isDirectory() && (found.name === ".git" || found.name === "node_modules")) continue
      checkPath(path, subject)
      if (found.isDirectory()) {
        folders.push(`${path}/`)
        continue
      }
      if (found.isSymbolicLink()) throw refused(subject, path, "is a symbolic link", "a regular file")
      if (!found.isFile()) throw refused(subject, path, "is a device, socket or pipe", "a regular file")
      const bytes = readRegular(join(folder, path), subject, path, (size) => tree.expect(path, size))
      tree.add(path, bytes)
      unbroken += bytes.length
    }
    // blocking calls are the fastest for many small files; large trees let the others have a turn
    if (unbroken > 4 * 1024 * 1024) {
      unbroken = 0
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return tree.finish()
}

/** One regular file of at most `limit` bytes. */
export function readFileBounded(file: string, limit: number): Uint8Array {
  const subject = `Cannot read the file "${file}"`
  return readRegular(file, subject, file, (size) => {
    if (size <= limit) return
    throw new PagodaError("SOURCE_TOO_LARGE", `${subject}: it has ${size} bytes, the limit is ${limit}`)
  })
}

/** The checks are made on what was opened, so that nothing can be swapped in between. */
function readRegular(file: string, subject: string, path: string, expect: (size: number) => void): Uint8Array {
  const descriptor = openRegular(file, subject, path)
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw refused(subject, path, "is no regular file", "a regular file")
    if (stat.nlink > 1) throw refused(subject, path, "is a hard link", "a file with one name")
    expect(stat.size)
    const bytes = new Uint8Array(stat.size)
    let length = 0
    while (length < bytes.length) {
      const more = readSync(descriptor, bytes, length, bytes.length - length, length)
      if (more === 0) break
      length += more
    }
    return bytes.subarray(0, length)
  } finally {
    closeSync(descriptor)
  }
}

function openRegular(file: string, subject: string, path: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === "ELOOP") throw refused(subject, path, "is a symbolic link", "a regular file")
    const missing = code === "ENOENT" ? "does not exist" : `cannot be opened (${code})`
    throw new PagodaError("SOURCE_NOT_FOUND", `${subject}: ${JSON.stringify(path)} ${missing}`, { cause: error })
  }
}
