import { randomUUID } from "node:crypto"
import { readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { hostname } from "node:os"
import { basename, dirname, join } from "node:path"
import type { Config } from "../config.ts"
import { makeDataFolder } from "../data-folder.ts"
import type { Call } from "./command.ts"

/** What a command writes down of itself while it runs; what is left of it tells that the command was cut short. */
export type JournalEntry = {
  command: string
  pid: number
  host: string
  started_at: string
  /** The step that it was in, and whose. */
  step: string
  plugin?: string
  lockfile: string
  /** The hash of the lockfile before this plugin's entry was written; `null`: there was none. */
  before: string | null
  /** What is to be done where it was cut short after it wrote the lockfile. */
  after?: string
}

export type Journal = {
  /** Tells the log, and what is left behind by a crash, where the command is. */
  step(name: string, subject?: string): void
}

/** Beside the lockfile for what changes that; in the data directory, which may be all that can be written, for the rest. */
export function journalFolders({ lockfile, dataDir }: Config): { lockfile: string; data: string } {
  return { lockfile: join(dirname(lockfile), `.${basename(lockfile)}.commands`), data: join(dataDir, "commands") }
}

/** Runs the work of a command that changes something. The entry is gone when it ends, however it ends but by a kill. */
export async function withJournal<T>(
  { name, args, config, log }: Call,
  work: (journal: Journal) => Promise<T>,
  { changes = "lockfile", after }: { changes?: "lockfile" | "data"; after?: string } = {},
): Promise<T> {
  const folder = journalFolders(config)[changes]
  if (changes === "data") makeDataFolder(config.dataDir)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${thisHost()}-${process.pid}-${randomUUID()}.json`)
  const command = [name, ...args].join(" ")
  const about = { command, pid: process.pid, host: hostname(), started_at: new Date().toISOString() }
  const { lockfile } = config
  let written: { subject?: string; before: string | null } | undefined
  let before: string | null = null
  const write = (now: string, subject?: string) => {
    // what comes after the write of a plugin is of its new state
    before = written && written.subject === subject ? written.before : hashOf(lockfile)
    const entry: JournalEntry = { ...about, step: now, plugin: subject, lockfile, before, after }
    writeFileSync(`${file}.new`, JSON.stringify(entry), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  const step = (now: string, subject?: string) => {
    if (now === "written") written = { subject, before }
    else write(now, subject)
    log.debug(`Step "${now}"`, { command, ...(subject !== undefined && { plugin: subject }) })
  }
  try {
    step("begin")
    const result = await work({ step })
    log.debug('Step "end"', { command })
    return result
  } finally {
    rmSync(file, { force: true })
    removeIfEmpty(folder)
  }
}

/** In the name of an entry: of one that was killed while it was written there is nothing to read. */
export function thisHost(): string {
  return Bun.hash(hostname()).toString(36)
}

export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    // another command is in there, or took it away
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error
  }
}

export function hashOf(file: string): string | null {
  try {
    return new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex")
  } catch {
    // the command itself says what is wrong with it
    return null
  }
}
