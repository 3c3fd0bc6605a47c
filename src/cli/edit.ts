import { PagodaError } from "../errors.ts"
import { type LockedPlugin, type Lockfile, readLockfile, writeLockfile } from "../plugins/lockfile.ts"
import { suggest } from "../suggestion.ts"

/** Changes the lockfile as it is now: it may have been edited while a question was open. */
export async function editLockfile(file: string, change: (plugins: Lockfile["plugins"]) => void): Promise<void> {
  const lockfile = await readLockfile(file)
  change(lockfile.plugins)
  await writeLockfile(file, lockfile)
}

/** @throws NOT_FOUND */
export function getLocked(lockfile: Lockfile, id: string): LockedPlugin {
  const locked = lockfile.plugins[id]
  if (locked) return locked
  const hint = suggest(id, Object.keys(lockfile.plugins))
  throw new PagodaError("NOT_FOUND", `There is no plugin "${id}" in the lockfile${hint}; see "pagoda plugin list"`)
}
