import { writeFileSync } from "node:fs"
import { readdir, readFile, rm, stat } from "node:fs/promises"
import { hostname } from "node:os"
import { basename, dirname, join } from "node:path"
import { PagodaError } from "../errors.ts"
import { toEditMark } from "../plugins/lockfile/changes.ts"
import { type LockedPlugin, type Lockfile, readLockfile, writeLockfile } from "../plugins/lockfile.ts"
import { suggest } from "../suggestion.ts"

/** How old the mark of an edit must be, in milliseconds, to be one that a crash on another machine left behind. */
const staleMs = 10_000
const namelessMs = 1000

/** Changes the lockfile as it is now: it may have been edited while a question was open. */
export async function editLockfile(
  file: string,
  change: (plugins: Lockfile["plugins"]) => void,
  afterwards?: () => Promise<void>,
): Promise<void> {
  const leave = await takeTurn(file)
  try {
    const lockfile = await readLockfile(file)
    change(lockfile.plugins)
    await writeLockfile(file, lockfile)
    await afterwards?.()
  } finally {
    await leave()
  }
}

/** Who makes the mark may edit; else of two commands at once one would lose what the other wrote. */
export async function takeTurn(file: string): Promise<() => Promise<void>> {
  const mark = toEditMark(file)
  for (;;) {
    try {
      writeFileSync(mark, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: "wx" })
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
    if (await isLeftBehind(mark)) await rm(mark, { force: true })
    else await Bun.sleep(10)
  }
  await clearHalfWritten(file)
  return () => rm(mark, { force: true })
}

async function isLeftBehind(mark: string): Promise<boolean> {
  const made = await stat(mark).catch(() => undefined)
  if (!made) return false
  const age = Date.now() - made.mtimeMs
  const maker = toMaker(await readFile(mark, "utf8").catch(() => ""))
  // who made it names itself at once, or was killed right there
  if (!maker) return age > namelessMs
  return !isAlive(maker) || age > staleMs
}

function toMaker(text: string): Maker | undefined {
  try {
    return JSON.parse(text) as Maker
  } catch {
    return undefined
  }
}

type Maker = { pid: number; host: string }

/** Of a process on another machine that shares the folder nothing is known: it counts as alive. */
export function isAlive({ pid, host }: Maker): boolean {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"
  }
}

/** What a write that was killed before its rename left: nobody else writes while it is our turn. */
async function clearHalfWritten(file: string): Promise<void> {
  const begin = `.${basename(file)}.`
  const names = await readdir(dirname(file)).catch(() => [])
  for (const name of names) {
    if (name.startsWith(begin) && /^[0-9a-f]{12}$/.test(name.slice(begin.length)))
      await rm(join(dirname(file), name), { force: true })
  }
}

/** @throws NOT_FOUND */
export function getLocked(lockfile: Lockfile, id: string): LockedPlugin {
  const locked = lockfile.plugins[id]
  if (locked) return locked
  const hint = suggest(id, Object.keys(lockfile.plugins))
  throw new PagodaError("NOT_FOUND", `There is no plugin "${id}" in the lockfile${hint}; see "pagoda plugin list"`)
}
