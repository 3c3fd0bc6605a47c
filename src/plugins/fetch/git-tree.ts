import { PagodaError } from "../../errors.ts"
import { buildTree, type FileTree, maxTreeBytes, maxTreeFiles, refused } from "../tree.ts"
import { GitFailure, type GitOptions, runGit } from "./git-program.ts"

/** Some ten times what the names of as many files as a tree may have take. */
const maxListing = 16 * 1024 * 1024

type Blob = { path: string; hash: string; size: number }

/** The blobs of a commit as git stores them: no filters, no attributes, no checkout. `path` is `/sub/dir` or `""`. */
export async function readGitTree(
  commit: string,
  path: string,
  subject: string,
  options: GitOptions,
): Promise<FileTree> {
  const blobs = await listBlobs(commit, path, subject, options)
  const tree = buildTree(subject)
  for (const blob of blobs) tree.expect(blob.path, blob.size)
  const hashes = [...new Set(blobs.map((blob) => blob.hash))]
  const contents = await readBlobs(hashes, options)
  for (const blob of blobs) tree.add(blob.path, contents.get(blob.hash) as Uint8Array)
  return tree.finish()
}

async function listBlobs(commit: string, path: string, subject: string, options: GitOptions): Promise<Blob[]> {
  const root = `${commit}:${path.slice(1)}`
  const list = ["ls-tree", "-r", "-z", "-l", "--full-tree", root]
  const listing = await runGit(list, { ...options, maxOutput: maxListing }).catch((cause: unknown) => {
    if (!(cause instanceof GitFailure)) throw cause
    throw new PagodaError("SOURCE_NOT_FOUND", `${subject}: the commit has no folder "${path}"`, { cause })
  })
  const entries = new TextDecoder().decode(listing).split("\0").slice(0, -1)
  return entries.flatMap((entry) => {
    const tab = entry.indexOf("\t")
    const [mode = "", type, hash = "", size] = entry.slice(0, tab).split(/ +/)
    const name = entry.slice(tab + 1)
    // as in every tree, the folders of this name do not count
    if (/(^|\/)(node_modules|\.git)\//.test(name)) return []
    if (mode === "120000") throw refused(subject, name, "is a symbolic link", "a regular file")
    if (mode === "160000" || type !== "blob") throw refused(subject, name, "is a submodule", "a regular file")
    return [{ path: name, hash, size: Number(size) }]
  })
}

async function readBlobs(hashes: string[], options: GitOptions): Promise<Map<string, Uint8Array>> {
  if (hashes.length === 0) return new Map()
  const stdin = new TextEncoder().encode(`${hashes.join("\n")}\n`)
  const output = await runGit(["cat-file", "--batch"], {
    ...options,
    stdin,
    maxOutput: maxTreeBytes + maxTreeFiles * 128,
  })
  const contents = new Map<string, Uint8Array>()
  let offset = 0
  for (const hash of hashes) {
    const end = output.indexOf(10, offset)
    const [found, , size] = new TextDecoder().decode(output.subarray(offset, end)).split(" ")
    if (found !== hash || size === undefined) throw new GitFailure(`the object "${hash}" is missing`)
    offset = end + 1 + Number(size)
    contents.set(hash, output.subarray(end + 1, offset))
    offset += 1
  }
  return contents
}
