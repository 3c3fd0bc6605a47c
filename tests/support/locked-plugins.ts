import { rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { readTree, treeIntegrity } from "../../src/plugins/tree.ts"
import { writeFiles } from "./folder.ts"
import { below, pluginFiles } from "./plugin-folder.ts"

export type PluginText = Parameters<typeof pluginFiles>[1]
export type Entry = {
  source: string
  integrity: string
  version?: string
  permissions: string[]
  isolation: "in-process"
}

let made = 0

/** Writes a version of a plugin to a folder of its own, and gives its entry, whether it would load or not. */
export async function makeVersion(folder: string, id: string, text: PluginText = {}): Promise<Entry> {
  const name = `${id}-${++made}`
  await writeFiles(folder, below(name, pluginFiles(id, text)))
  const integrity = treeIntegrity(await readTree(join(folder, name)))
  return { source: `file:${name}`, integrity, permissions: text?.permissions ?? [], isolation: "in-process" }
}

/** As an editor does: a new file that takes the place of the old one. */
export async function writeLock(folder: string, plugins: Record<string, Entry>): Promise<void> {
  const file = join(folder, "plugins.lock.json")
  await writeFile(`${file}.new`, JSON.stringify({ lockfileVersion: 1, plugins }, null, 2))
  await rename(`${file}.new`, file)
}
