import { createHmac, randomUUID, timingSafeEqual } from "node:crypto"
import { readFileSync } from "node:fs"
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { PagodaError } from "../errors.ts"
import { isSri, toHex, toSri } from "./integrity.ts"
import { packTree, unpackTree } from "./store/pack.ts"
import type { FileTree } from "./tree.ts"

/** A bundle in the store, checked against the seal that only this host can have written. */
export type StoredBundle = { readonly digest: string; readonly code: string }

/** Content-addressed, uncompressed, on disk below the data directory. Every read is checked; every write is atomic. */
export type Store = {
  /** The tree kept under an SRI; nothing when there is none. @throws STORE_DAMAGED when its bytes are not those written */
  readTree(integrity: string): Promise<FileTree | undefined>
  writeTree(integrity: string, files: FileTree): Promise<void>
  removeTree(integrity: string): Promise<void>
  /** The bundle kept under a key (a hash of all it was made from). @throws STORE_DAMAGED */
  readBundle(key: string): Promise<StoredBundle | undefined>
  writeBundle(key: string, code: string): Promise<StoredBundle>
  removeBundle(key: string): Promise<void>
  /** What was written down under a name. @throws STORE_DAMAGED */
  readNote(name: string): Promise<string | undefined>
  writeNote(name: string, text: string): Promise<void>
}

/** A temporary file of a write that a crash cut short is older than any write takes. */
const staleMs = 10 * 60_000

/**
 * One file an entry: a line with hash and seal, then the bytes as they are. A hash over a tarball cannot be computed from
 * what was unpacked of it, so the seal says it: an HMAC by the host's key over kind, name and the content's hash. While
 * the key is replaced, what is written is sealed with both, and good for whichever it will be.
 */
export function openStore(folder: string, key: Uint8Array, nextKey?: Uint8Array): Store {
  const sealWith = (key: Uint8Array, parts: string[]) =>
    createHmac("sha512", key).update(JSON.stringify(parts)).digest("base64")
  const seal = (...parts: string[]) => sealWith(key, parts)
  const treeFile = (integrity: string) => join(folder, "trees", toHex(integrity))
  const hashed = (name: string) => new Bun.CryptoHasher("sha512").update(name).digest("hex")
  // under another key none is found, and each is made anew
  const bundleFile = (bundle: string) =>
    join(folder, "bundles", createHmac("sha512", key).update(`name of ${bundle}`).digest("hex"))
  const noteFile = (name: string) => join(folder, "notes", hashed(name))
  let swept: Promise<void> | undefined

  const read = async (file: string, kind: Kind, name: string): Promise<Entry | undefined> => {
    const subject = `Cannot use the stored ${kind === "tree" ? "files" : kind} of "${name}"`
    const entry = await readEntry(file, subject)
    if (entry) check(subject, entry, seal(kind, name, entry.hash))
    return entry
  }

  const write = async (file: string, kind: Kind, name: string, content: Uint8Array): Promise<string> => {
    const hash = toSri(content)
    const seals = [key, ...(nextKey ? [nextKey] : [])].map((each) => sealWith(each, [kind, name, hash]))
    const temporary = join(folder, "tmp")
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await mkdir(temporary, { recursive: true, mode: 0o700 })
    swept ??= sweep(temporary)
    await swept
    await writeWhole(join(temporary, randomUUID()), file, `${[hash, ...seals].join(" ")}\n`, content)
    return hash
  }

  return {
    async readTree(integrity) {
      const entry = await read(treeFile(integrity), "tree", integrity)
      return entry && unpackTree(entry.content)
    },
    async writeTree(integrity, files) {
      await write(treeFile(integrity), "tree", integrity, packTree(files))
    },
    removeTree: (integrity) => rm(treeFile(integrity), { force: true }),

    async readBundle(bundle) {
      const entry = await read(bundleFile(bundle), "bundle", bundle)
      return entry && { digest: entry.hash, code: new TextDecoder().decode(entry.content) }
    },
    async writeBundle(bundle, code) {
      return { digest: await write(bundleFile(bundle), "bundle", bundle, Buffer.from(code)), code }
    },
    removeBundle: (bundle) => rm(bundleFile(bundle), { force: true }),

    async readNote(name) {
      const entry = await read(noteFile(name), "note", name)
      return entry && new TextDecoder().decode(entry.content)
    },
    async writeNote(name, text) {
      await write(noteFile(name), "note", name, Buffer.from(text))
    },
  }
}

type Kind = "tree" | "bundle" | "note"

/** `hash` and `seals` as the entry's first line says, `content` all that follows. */
type Entry = { hash: string; seals: string[]; content: Uint8Array }

/** The right seal is never shown: who can write to the store could use it. */
function check(subject: string, entry: Entry, wanted: string): void {
  const actual = toSri(entry.content)
  if (actual !== entry.hash) throw damaged(`${subject}: the hash is "${actual}", it was written as "${entry.hash}"`)
  const expected = Buffer.from(wanted)
  for (const is of entry.seals.map((seal) => Buffer.from(seal))) {
    if (is.length === expected.length && timingSafeEqual(is, expected)) return
  }
  throw damaged(
    `${subject}: the hash is "${actual}", expected "${entry.hash}" under a seal by this host's key (the key or the store was changed)`,
  )
}

function damaged(message: string): PagodaError {
  return new PagodaError("STORE_DAMAGED", `${message}; run "pagoda plugin update <id>" to make it anew`)
}

async function readEntry(file: string, subject: string): Promise<Entry | undefined> {
  const bytes = readWhole(file)
  if (!bytes) return undefined
  const end = bytes.indexOf(10)
  const [hash, ...seals] = new TextDecoder().decode(bytes.subarray(0, end < 0 ? 0 : Math.min(end, 512))).split(" ")
  const hasSeals = seals.length > 0 && seals.length <= 2
  if (hash && isSri(hash) && hasSeals) return { hash, seals, content: bytes.subarray(end + 1) }
  throw damaged(`${subject}: the hash of the whole file is "${toSri(bytes)}", expected a first line with hash and seal`)
}

/** Blocking is the fastest for files of this size, and a start reads one or more for every plugin. */
function readWhole(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

/** Written beside, then renamed over the name: who reads sees the old whole or the new whole, and of two writers one wins. */
async function writeWhole(temporary: string, file: string, head: string, content: Uint8Array): Promise<void> {
  const handle = await open(temporary, "wx", 0o600)
  try {
    await handle.writeFile(head)
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
}

async function sweep(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const file = join(temporary, name)
    const found = await stat(file).catch(() => undefined)
    if (found && Date.now() - found.mtimeMs > staleMs) await rm(file, { force: true })
  }
}
