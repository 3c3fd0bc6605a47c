import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const made = new Set<string>()

/** A temporary folder with these files. `removeFolders` in `afterAll` takes it away. */
export async function makeFolder(files: Record<string, string | Uint8Array> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pagoda-test-"))
  made.add(folder)
  await writeFiles(folder, files)
  return folder
}

export async function writeFiles(folder: string, files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
}

export async function removeFolders(): Promise<void> {
  await Promise.all([...made].map((folder) => rm(folder, { recursive: true, force: true })))
  made.clear()
}

/** Turns one byte in the middle of a file into another. */
export async function flipByte(file: string): Promise<void> {
  const bytes = await Bun.file(file).bytes()
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = (bytes[middle] as number) ^ 1
  await writeFile(file, bytes)
}
