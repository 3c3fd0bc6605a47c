import { randomBytes } from "node:crypto"
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"
import { chmod, open, readFile, realpath, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { PagodaError, toMessage } from "../errors.ts"
import type { TextProblem } from "./lockfile/json.ts"
import { findLockfileProblems } from "./lockfile/problems.ts"
import { pluginFields } from "./lockfile/schema.ts"

export type Isolation = "in-process" | "process"

/** One plugin of the lockfile, as written there. */
export type LockedPlugin = {
  source: string
  version?: string
  integrity?: string
  /** `name@version` → SRI. */
  dependencies?: Record<string, string>
  /** Install path below `node_modules` → `name@version`, for every package that is not simply at `name`. */
  layout?: Record<string, string>
  /** URL → SRI of every further module of a URL source. */
  modules?: Record<string, string>
  permissions?: string[]
  isolation?: Isolation
  memory_mb?: number
  required?: boolean
}

export type Lockfile = { $schema?: string; lockfileVersion: 1; plugins: Record<string, LockedPlugin> }

const maxBytes = 4 * 1024 * 1024
const maxIssues = 1000
const maxShown = 50

/** @throws LOCKFILE_INVALID with every mistake, each with line and column */
export async function parseLockfile(text: string, file: string): Promise<Lockfile> {
  const plain = text.startsWith("\uFEFF") ? text.slice(1) : text
  if (plain.length > maxBytes) throw toTooLarge(file, plain.length)
  const canonical = parseCanonical(plain)
  if (canonical) return withoutPrototype(canonical)
  if (plain.trim() === "") throw refuse(file, 'it is empty, wanted {"lockfileVersion": 1, "plugins": {}}')
  // its parser keeps positions: only a file with mistakes, or one that was edited, needs it
  const { readJsonText } = await import("./lockfile/json.ts")
  const json = readJsonText(plain)
  const found = json.value === undefined ? [] : findLockfileProblems(json.value).slice(0, maxIssues)
  const problems = [
    ...json.problems.slice(0, maxIssues).map((problem) => ({ ...problem, code: "JSON_INVALID" })),
    ...found.map((problem) => ({ ...problem, offset: json.locate(problem.path, problem.at) })),
  ].sort((a, b) => a.offset - b.offset)
  if (problems.length === 0) return withoutPrototype(json.value as Lockfile)
  throw toRefusal(file, plain, problems)
}

/** A missing file is an empty lockfile. @throws LOCKFILE_INVALID */
export async function readLockfile(file: string): Promise<Lockfile> {
  const text = readText(file)
  return text === undefined ? withoutPrototype({ lockfileVersion: 1, plugins: {} }) : parseLockfile(text, file)
}

/** Blocking: a start waits for it anyhow, and a pool of threads would have to start first. */
function readText(file: string): string | undefined {
  let descriptor: number
  try {
    // a pipe would wait for its writer
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw refuse(file, toMessage(cause), cause)
  }
  try {
    const status = fstatSync(descriptor)
    if (!status.isFile()) throw refuse(file, `it is a ${status.isDirectory() ? "directory" : "device"}, wanted a file`)
    if (status.size > maxBytes) throw toTooLarge(file, status.size)
    return readFileSync(descriptor, "utf8")
  } finally {
    closeSync(descriptor)
  }
}

/** The one way to write it: ids sorted, fields in their order, so that formatting again changes nothing. */
export function formatLockfile(lockfile: Lockfile): string {
  const plugins = Object.entries(lockfile.plugins)
    .sort(byKey)
    .map(([id, plugin]) => [id, toCanonical(plugin)])
  const { $schema = "./sdk/plugins.lock.schema.json" } = lockfile
  return `${JSON.stringify({ $schema, lockfileVersion: 1, plugins: Object.fromEntries(plugins) }, null, 2)}\n`
}

/** Whole or not at all: readers see the old file or the new one. @throws LOCKFILE_INVALID for what could not be read again */
export async function writeLockfile(file: string, lockfile: Lockfile): Promise<void> {
  const [problem] = findLockfileProblems(JSON.parse(formatLockfile(lockfile)))
  if (problem) {
    const { path, message } = problem
    throw new PagodaError("LOCKFILE_INVALID", `Cannot write the lockfile "${file}": "${toDotted(path)}" ${message}`)
  }
  const old = await stat(file).catch(() => undefined)
  const target = old ? await realpath(file) : file
  const text = formatLockfile(lockfile)
  if (old?.isFile() && (await readFile(target, "utf8")) === text) return
  const beside = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}`)
  try {
    const handle = await open(beside, "wx", old?.mode)
    await handle.writeFile(text)
    await handle.sync()
    await handle.close()
    if (old) await chmod(beside, old.mode)
    await rename(beside, target)
  } finally {
    await rm(beside, { force: true })
  }
}

/** What we wrote ourselves needs no positions, and a start with many plugins is quicker for it. */
function parseCanonical(text: string): Lockfile | undefined {
  try {
    const value = JSON.parse(text) as Lockfile
    if (findLockfileProblems(value).length === 0 && formatLockfile(value) === text) return value
  } catch {
    // The slow way says where it is wrong.
  }
}

function toCanonical(plugin: LockedPlugin): LockedPlugin {
  const fields = pluginFields
    .filter((field) => plugin[field] !== undefined)
    .map((field) => {
      const value = plugin[field]
      if (Array.isArray(value)) return [field, [...new Set(value)]]
      return [field, typeof value === "object" ? Object.fromEntries(Object.entries(value).sort(byKey)) : value]
    })
  return Object.fromEntries(fields)
}

/** `constructor` is a good id, and must not be found where it is not. */
function withoutPrototype(lockfile: Lockfile): Lockfile {
  return { ...lockfile, plugins: Object.assign(Object.create(null), lockfile.plugins) }
}

function toRefusal(file: string, text: string, problems: (TextProblem & { code: string })[]): PagodaError {
  const issues = problems.map(({ path, message, code }) => ({ path: toDotted(path), message, code }))
  const lines = problems.slice(0, maxShown).map(({ offset, path, message }) => {
    return `${toPosition(text, offset)} ${path.length > 0 ? `"${toDotted(path)}" ` : ""}${message}`
  })
  if (problems.length > maxShown) lines.push(`and ${problems.length - maxShown} more`)
  const list = problems.length === 1 ? ` ${lines[0]}` : ` ${problems.length} mistakes\n  ${lines.join("\n  ")}`
  return new PagodaError("LOCKFILE_INVALID", `Cannot read the lockfile "${file}":${list}`, { issues })
}

/** Line and column as editors count them. */
function toPosition(text: string, offset: number): string {
  const before = text.slice(0, offset)
  return `${before.split("\n").length}:${offset - before.lastIndexOf("\n")}`
}

function toDotted(path: string[]): string {
  return path.join(".").slice(0, 300)
}

function toTooLarge(file: string, size: number): PagodaError {
  return refuse(file, `it has ${(size / 1024 / 1024).toFixed(1)} MiB, wanted at most 4 MiB`)
}

function refuse(file: string, problem: string, cause?: unknown): PagodaError {
  const issues = [{ path: "", message: problem, code: "FILE_INVALID" }]
  return new PagodaError("LOCKFILE_INVALID", `Cannot read the lockfile "${file}": ${problem}`, { issues, cause })
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0)
