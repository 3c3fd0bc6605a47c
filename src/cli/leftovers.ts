import { readdir, readFile, rm, stat } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { basename, join } from "node:path"
import type { Config } from "../config.ts"
import { toMessage } from "../errors.ts"
import type { Log } from "../log.ts"
import { isAlive, takeTurn } from "./edit.ts"
import { hashOf, type JournalEntry, journalFolders, removeIfEmpty, thisHost } from "./journal.ts"

/** No fetch takes as long as this: a working folder of one that is older was left behind. */
const staleMs = 10 * 60_000

/** A command on another machine that shares the folder is taken to run for so long. */
const otherMs = 60 * 60_000

/** Says of every command that was cut short in which state it left things, and takes away what lies about of it. */
export async function clearLeftovers(config: Config, log: Log): Promise<void> {
  try {
    for (const folder of Object.values(journalFolders(config))) await clearFolder(folder, config, log)
    await clearWorkFolders()
  } catch (error) {
    // such as a folder that came with an image and cannot be written: no reason not to do what was asked for
    log.warn(`Cannot take away what a command left: ${toMessage(error)}`)
  }
}

async function clearFolder(folder: string, { lockfile }: Config, log: Log): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    const file = join(folder, name)
    const entry = await readEntry(file)
    if (entry ? isRunning(entry) : await isBeingWritten(name, file)) continue
    await rm(file, { force: true })
    if (!entry) continue
    // taking the turn clears what a write left beside the lockfile
    const leave = await takeTurn(entry.lockfile).catch(() => async () => {})
    await leave()
    log.warn(tell(entry, basename(lockfile)), { step: entry.step, started_at: entry.started_at })
  }
  removeIfEmpty(folder)
}

async function isBeingWritten(name: string, file: string): Promise<boolean> {
  const [host, pid] = name.split("-")
  if (host === thisHost()) return isRunning({ host: hostname(), pid: Number(pid) })
  return isYoung(file)
}

/** A process of our own number is not us: we have written nothing yet. */
function isRunning(entry: Pick<JournalEntry, "host" | "pid"> & { started_at?: string }): boolean {
  if (entry.host === hostname()) return entry.pid !== process.pid && isAlive(entry)
  return Date.now() - Date.parse(entry.started_at ?? "") < otherMs
}

function tell({ command, lockfile, before, after, step, plugin }: JournalEntry, name: string): string {
  const was = `"pagoda ${command}" was cut short`
  if (command === "migrate")
    return `${was}: each migration is in the database as a whole or not at all, and what is missing is applied now`
  const where = `at the step "${step}"${plugin === undefined ? "" : ` of "${plugin}"`}`
  if (hashOf(lockfile) === before)
    return `${was} ${where}: ${name} is as it was before that (the old state); run it again if it is still wanted`
  return `${was}: ${name} has what it wrote (the new state)${after ? `; ${after}` : ""}`
}

/** Nothing for what is being written or is none of ours. */
async function readEntry(file: string): Promise<JournalEntry | undefined> {
  try {
    const entry = JSON.parse(await readFile(file, "utf8")) as JournalEntry
    return file.endsWith(".json") && typeof entry.pid === "number" ? entry : undefined
  } catch {
    return undefined
  }
}

/** Where npm's client and git worked for a command that was killed. */
async function clearWorkFolders(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => [])
  for (const name of names.filter((each) => /^pagoda-(npm|git)-[A-Za-z0-9]{6}$/.test(each))) {
    const folder = join(tmpdir(), name)
    if (await isYoung(folder)) continue
    const found = await stat(folder).catch(() => undefined)
    if (found?.uid === process.getuid?.()) await rm(folder, { recursive: true, force: true })
  }
}

async function isYoung(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return !found || Date.now() - found.mtimeMs < staleMs
}
