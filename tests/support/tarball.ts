import { gzipSync } from "node:zlib"
import { type Header, pack } from "tar-stream"

export type TarEntry = Partial<Header> & { name: string; content?: string | Uint8Array }

/** A `.tgz` with exactly these entries, hostile ones included. */
export async function makeTarball(entries: readonly TarEntry[]): Promise<Uint8Array> {
  const archive = pack()
  for (const { content = "", ...header } of entries) {
    archive.entry({ ...header, mtime: new Date(0) }, header.type && header.type !== "file" ? "" : Buffer.from(content))
  }
  archive.finalize()
  const chunks: Uint8Array[] = []
  for await (const chunk of archive) chunks.push(chunk as Uint8Array)
  return gzipSync(Buffer.concat(chunks))
}

/** The same as `npm pack`: every file below `package/`. */
export function makePackage(files: Record<string, string | Uint8Array>): Promise<Uint8Array> {
  return makeTarball(Object.entries(files).map(([path, content]) => ({ name: `package/${path}`, content })))
}
