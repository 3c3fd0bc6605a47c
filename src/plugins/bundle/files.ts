import { posix } from "node:path"
import type { SourceFiles } from "./resolve.ts"

type Answer<T> = (error: Error | null, result?: T) => void
type Stat = { isFile(): boolean; isDirectory(): boolean }

/** The few calls that the resolver makes of a file system, answered from memory: it never sees the disk. */
export type ResolverFileSystem = {
  stat(path: string, answer: Answer<Stat>): void
  statSync(path: string): Stat
  readFile(path: string, answer: Answer<Buffer>): void
  readFileSync(path: string): Buffer
  readdir(path: string, answer: Answer<string[]>): void
  readdirSync(path: string): string[]
  readlink(path: string, answer: Answer<string>): void
  readlinkSync(path: string): string
  /** Of a folder of the tree; empty where there is none or where it is no JSON. */
  readPackageJson(folder: string): Record<string, unknown>
}

export function createFileSystem(files: SourceFiles): ResolverFileSystem {
  const folders = new Map<string, Set<string>>([["/", new Set()]])
  for (const path of files.keys()) {
    for (let below = `/${path}`; below !== "/"; below = posix.dirname(below)) {
      const parent = posix.dirname(below)
      const names = folders.get(parent)
      if (names) names.add(posix.basename(below))
      else folders.set(parent, new Set([posix.basename(below)]))
      if (names) break
    }
  }

  const statSync = (path: string): Stat => {
    if (files.has(path.slice(1))) return { isFile: () => true, isDirectory: () => false }
    if (folders.has(path)) return { isFile: () => false, isDirectory: () => true }
    throw missing(path)
  }
  const readFileSync = (path: string): Buffer => {
    const bytes = files.get(path.slice(1))
    if (!bytes) throw missing(path)
    return Buffer.from(bytes)
  }
  const readdirSync = (path: string): string[] => {
    const names = folders.get(path)
    if (!names) throw missing(path)
    return [...names]
  }
  const readlinkSync = (path: string): string => {
    throw Object.assign(new Error(`EINVAL: no link, readlink "${path}"`), { code: "EINVAL" })
  }

  return {
    stat: answered(statSync),
    statSync,
    readFile: answered(readFileSync),
    readFileSync,
    readdir: answered(readdirSync),
    readdirSync,
    readlink: answered(readlinkSync),
    readlinkSync,
    readPackageJson(folder) {
      const bytes = files.get(folder ? `${folder}/package.json` : "package.json")
      return bytes ? parseRecord(bytes) : {}
    },
  }
}

/** The resolver passes options before the callback, or not. */
function answered<T>(call: (path: string) => T) {
  return (path: string, ...rest: unknown[]) => {
    const answer = rest.at(-1) as Answer<T>
    let result: T
    try {
      result = call(path)
    } catch (error) {
      answer(error as Error)
      return
    }
    answer(null, result)
  }
}

function parseRecord(bytes: Uint8Array): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file, open "${path}"`), { code: "ENOENT" })
}
