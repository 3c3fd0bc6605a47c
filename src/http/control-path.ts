import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { Undo } from "../undo.ts"

/** A socket's path has room for 108 bytes on Linux and 104 on macOS. */
const mostBytes = 100
const name = "control.sock"
const folderName = "pagoda-control-"

export type ControlPlace = { readonly file: string; readonly remove: Undo }

/**
 * Where a host that has the data directory makes its socket. Where that path is too long it is in a folder of this user's
 * alone, which a file in the data directory names. What a killed host left is taken away.
 */
export function makeControlPlace(dataDir: string): ControlPlace {
  const file = join(dataDir, name)
  const pointer = join(dataDir, "control.path")
  removePlace(file, pointer)
  const remove = () => removePlace(file, pointer)
  if (Buffer.byteLength(file) <= mostBytes) return { file, remove }
  const longest = Buffer.byteLength(join(tmpdir(), `${folderName}XXXXXX`, name))
  const far = join(mkdtempSync(join(longest <= mostBytes ? tmpdir() : "/tmp", folderName)), name)
  writeFileSync(pointer, far, { mode: 0o600 })
  return { file: far, remove }
}

/** Where the socket of a host that has the data directory would be. */
export function findControlFile(dataDir: string): string {
  return readPointer(join(dataDir, "control.path")) ?? join(dataDir, name)
}

function removePlace(file: string, pointer: string): void {
  rmSync(file, { force: true })
  const far = readPointer(pointer)
  if (far !== undefined) rmSync(dirname(far), { recursive: true, force: true })
  rmSync(pointer, { force: true })
}

/** Nothing where it is not there, or names what no host of ours makes. */
function readPointer(pointer: string): string | undefined {
  try {
    const far = readFileSync(pointer, "utf8")
    return /\/pagoda-control-\w{6}\/control\.sock$/.test(far) ? far : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}
