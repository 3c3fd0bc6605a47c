import type { FileTree } from "../tree.ts"

/** A tree as one run of bytes, a line with paths and sizes first: one read gives it back, and no file name reaches the disk. */
export function packTree(files: FileTree): Uint8Array {
  const list = [...files].map(([path, bytes]) => [path, bytes.length])
  return Buffer.concat([Buffer.from(`${JSON.stringify(list)}\n`), ...files.values()])
}

/** Views of the packed bytes, not copies. They must have been checked. */
export function unpackTree(packed: Uint8Array): FileTree {
  const files = new Map<string, Uint8Array>()
  let offset = packed.indexOf(10) + 1
  const list: [path: string, size: number][] = JSON.parse(new TextDecoder().decode(packed.subarray(0, offset)))
  for (const [path, size] of list) {
    files.set(path, packed.subarray(offset, offset + size))
    offset += size
  }
  return files
}
