import { Database } from "bun:sqlite"
import { join } from "node:path"
import { makeDataFolder } from "./data-folder.ts"
import { PagodaError } from "./errors.ts"
import type { Undo } from "./undo.ts"

/**
 * Makes the data directory this host's own until undone. SQLite's file lock does it: the system lets go of it however the
 * process ends, so that no stale lock is ever left behind.
 */
export function claimDataDir(folder: string): Undo {
  makeDataFolder(folder)
  const lock = new Database(join(folder, "host.lock"), { create: true })
  try {
    lock.run("PRAGMA locking_mode = EXCLUSIVE")
    lock.run("BEGIN EXCLUSIVE")
  } catch (cause) {
    lock.close()
    const mend = "stop the other host, or give this one a directory of its own with --data-dir"
    throw new PagodaError(
      "DATA_DIR_IN_USE",
      `Cannot use the data directory "${folder}": another host uses it; ${mend}`,
      {
        cause,
      },
    )
  }
  return () => lock.close()
}
