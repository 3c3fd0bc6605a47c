import { open, rm, stat } from "node:fs/promises"
import { PagodaError } from "../errors.ts"
import { type LockedPlugin, type Lockfile, readLockfile, writeLockfile } from "../plugins/lockfile.ts"
import { suggest } from "../suggestion.ts"

/** How old the mark of an edit must be, in milliseconds, to be one that a crash left behind. */
const staleMs = 10_000

/** Changes the lockfile as it is now: it may have been edited while a question was open. */
export async function editLockfile(file: string, change: (plugins: Lockfile["plugins"]) => void): Promise<void> {
  const leave = await takeTurn(`${file}.editing`)
  try {
    const lockfile = await readLockfile(file)
    change(lockfile.plugins)
    await writeLockfile(file, lockfile)
  } finally {
    await leave()
  }
}

/** Who makes the mark may edit; else of two commands at once one would lose what the other wrote. */
async function takeTurn(mark: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await (await open(mark, "wx")).close()
      return () => rm(mark, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
    const made = await stat(mark).catch(() => undefined)
    if (made && Date.now() - made.mtimeMs > staleMs) await rm(mark, { force: true })
    else await Bun.sleep(10)
  }
}

/** @throws NOT_FOUND */
export function getLocked(lockfile: Lockfile, id: string): LockedPlugin {
  const locked = lockfile.plugins[id]
  if (locked) return locked
  const hint = suggest(id, Object.keys(lockfile.plugins))
  throw new PagodaError("NOT_FOUND", `There is no plugin "${id}" in the lockfile${hint}; see "pagoda plugin list"`)
}
