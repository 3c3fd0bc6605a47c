import { type FSWatcher, readdirSync, watch } from "node:fs"
import { join } from "node:path"
import type { Undo } from "../undo.ts"
import { createCalm } from "./calm.ts"

const patience = { least: 20, most: 200 }
const ignored = new Set(["node_modules", ".git", ".pagoda"])

/** Tells of changes anywhere below a folder, folders that come later included. */
export function watchFolder(root: string, onChange: () => void): Undo {
  const watchers = new Map<string, FSWatcher>()

  const { touch, stop } = createCalm(patience, () => {
    follow()
    onChange()
  })
  const follow = () => {
    const there = new Set(listFolders(root))
    for (const [folder, watcher] of watchers) {
      if (there.has(folder)) continue
      watcher.close()
      watchers.delete(folder)
    }
    for (const folder of there) if (!watchers.has(folder)) watchers.set(folder, watchOne(folder, touch))
  }
  follow()
  return () => {
    stop()
    for (const watcher of watchers.values()) watcher.close()
  }
}

function watchOne(folder: string, touch: () => void): FSWatcher {
  const watcher = watch(folder, { persistent: false }, (_, name) => {
    if (!ignored.has(String(name))) touch()
  })
  // one that is gone has an error for its last event
  watcher.on("error", touch)
  return watcher
}

function listFolders(root: string): string[] {
  const folders = [root]
  for (const folder of folders) {
    for (const found of list(folder)) {
      if (found.isDirectory() && !ignored.has(found.name)) folders.push(join(folder, found.name))
    }
  }
  return folders
}

/** One that went meanwhile has nothing in it. */
function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code))) return []
    throw error
  }
}
