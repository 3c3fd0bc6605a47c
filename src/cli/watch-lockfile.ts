import { type FSWatcher, readFileSync, realpathSync, watch } from "node:fs"
import { dirname } from "node:path"
import { PagodaError, toMessage } from "../errors.ts"
import type { Undo } from "../undo.ts"
import { createCalm } from "./calm.ts"

const patience = { least: 50, most: 1_000 }

/**
 * Tells once of each change of what is in the file. Its folder is watched, since editors write a new file and rename it,
 * and so that one that is gone and comes back is seen.
 */
export function watchLockfile(file: string, onChange: () => void): Undo {
  let before = readContent(file)

  const { touch, stop } = createCalm(patience, () => {
    const now = readContent(file)
    if (now === before) return
    before = now
    onChange()
  })
  const watchers = foldersOf(file).map((folder) => watchFolder(folder, touch))
  return () => {
    stop()
    for (const watcher of watchers) watcher.close()
  }
}

/** Also where a link points to. */
function foldersOf(file: string): string[] {
  const folders = new Set([dirname(file)])
  try {
    folders.add(dirname(realpathSync(file)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
  }
  return [...folders]
}

function watchFolder(folder: string, touch: () => void): FSWatcher {
  try {
    return watch(folder, { persistent: false }, touch)
  } catch (cause) {
    throw new PagodaError("CONFIG_INVALID", `Cannot watch "${folder}" for --watch: ${toMessage(cause)}`, { cause })
  }
}

/** Why it cannot be read is as good as what is in it: whoever is told reads it again, and says so. */
function readContent(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
