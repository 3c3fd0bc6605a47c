import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { chmod, symlink } from "node:fs/promises"
import { join } from "node:path"
import { withBudget } from "../../../src/plugins/fetch/budget.ts"
import { fetchGit, resolveGit } from "../../../src/plugins/fetch/git.ts"
import { runGit } from "../../../src/plugins/fetch/git-program.ts"
import type { FetchContext } from "../../../src/plugins/fetch.ts"
import { toLocked } from "../../../src/plugins/lock.ts"
import type { GitSource } from "../../../src/plugins/source/git.ts"
import { verifySource } from "../../../src/plugins/verify.ts"
import { makeContext } from "../../support/fetching.ts"
import { flipByte, makeFolder, removeFolders, writeFiles } from "../../support/folder.ts"
import { startGitServer } from "../../support/git-server.ts"
import { startRegistry } from "../../support/registry.ts"
import { makeRepository, type Repository } from "../../support/repository.ts"

let server: ReturnType<typeof startGitServer>
let repository: Repository
let first: string
let second: string

beforeAll(async () => {
  server = startGitServer()
  repository = await makeRepository()
  first = await repository.commit({
    "plugin.ts": "export default 1\r\n",
    ".gitattributes": "*.ts text eol=lf export-ignore\n",
    "sub/dir/index.ts": "export default 2\n",
    "node_modules/x/index.js": "left out",
  })
  await repository.git("tag", "--annotate", "v1", "--message=one")
  second = await repository.commit({ "plugin.ts": "export default 3\n" })
})

afterAll(async () => {
  await server.stop()
  await removeFolders()
})

const resolve = async (url: string, ref: string, path = "", context?: FetchContext) =>
  resolveGit({ kind: "git", url, ref, path }, context ?? (await makeContext()))

describe.each(["http", "file"])("a repository over %s", (protocol) => {
  const urlOf = () => (protocol === "http" ? server.urlOf(repository) : `file://${repository.folder}`)

  test("resolveGit() finds the commit of HEAD, a branch, an annotated tag and a commit", async () => {
    const commits = await Promise.all(
      ["HEAD", "main", "v1", first].map(async (ref) => ((await resolve(urlOf(), ref)).source as GitSource).commit),
    )
    expect(commits).toEqual([second, second, first, first])
  })

  test("the files are the blobs as git stores them: no filters, nothing left out by attributes", async () => {
    const fetched = await resolve(urlOf(), first)
    expect([...fetched.files.keys()]).toEqual([".gitattributes", "plugin.ts", "sub/dir/index.ts"])
    const stored = await repository.git("cat-file", "blob", `${first}:plugin.ts`)
    expect(new TextDecoder().decode(fetched.files.get("plugin.ts"))).toBe(stored)
    expect(fetched.entry).toBe("plugin.ts")
  })

  test("path: takes that folder alone, with paths relative to it", async () => {
    const fetched = await resolve(urlOf(), first, "/sub/dir")
    expect([...fetched.files.keys()]).toEqual(["index.ts"])
    await expect(resolve(urlOf(), first, "/sub/none")).rejects.toThrow('no folder "/sub/none"')
  })

  test("what is locked comes from the store without the network", async () => {
    const context = await makeContext()
    const fetched = await resolve(urlOf(), "v1", "", context)
    const again = await fetchGit(fetched.source as GitSource, toLocked(fetched), context.offlineNow())
    expect(verifySource("x", toLocked(fetched), again).files).toEqual(fetched.files)
  })

  test("an unknown branch and an unknown commit are not found", async () => {
    await expect(resolve(urlOf(), "nope")).rejects.toMatchObject({ code: "SOURCE_NOT_FOUND" })
    await expect(resolve(urlOf(), "0".repeat(40))).rejects.toThrow(/Cannot fetch/)
  })
})

test("a commit that no branch leads to any more is fetched by its hash", async () => {
  const lost = await makeRepository()
  const commit = await lost.commit({ "plugin.ts": "1" })
  await lost.commit({ "plugin.ts": "2" })
  const fetched = await resolve(server.urlOf(lost), commit)
  expect(new TextDecoder().decode(fetched.files.get("plugin.ts"))).toBe("1")
})

test("a tree with another hash than the locked one is refused with both", async () => {
  const context = await makeContext()
  const fetched = await resolve(server.urlOf(repository), "main", "", context)
  const locked = { ...toLocked(await resolve(server.urlOf(repository), "v1")), source: `git+x#${second}` }
  const other = await fetchGit(fetched.source as GitSource, locked, await makeContext())
  expect(() => verifySource("x", locked, other)).toThrow(
    `integrity of "git+x#${second}" is "${fetched.integrity}", lockfile says "${locked.integrity}"; run "pagoda plugin update x"`,
  )
})

test("a damaged stored tree is fetched again, and refused where the network is not allowed", async () => {
  const context = await makeContext()
  const fetched = await resolve(server.urlOf(repository), "v1", "", context)
  const hex = Buffer.from(fetched.integrity.slice(7), "base64").toString("hex")
  await flipByte(join(context.folder, "store", "trees", hex))
  const source = fetched.source as GitSource
  await expect(fetchGit(source, toLocked(fetched), context.offlineNow())).rejects.toMatchObject({
    code: "STORE_DAMAGED",
  })
  const again = await fetchGit(source, toLocked(fetched), context)
  expect(again.integrity).toBe(fetched.integrity)
  expect(context.steps.map(({ step }) => step)).toContain("fetching again, the stored one is damaged")
  await fetchGit(source, toLocked(fetched), context.offlineNow())
})

test("what is not in the store is named where the network is not allowed", async () => {
  const fetched = await resolve(server.urlOf(repository), "v1")
  const offline = (await makeContext()).offlineNow()
  await expect(fetchGit(fetched.source as GitSource, toLocked(fetched), offline)).rejects.toMatchObject({
    code: "OFFLINE",
    message: expect.stringContaining(first),
  })
})

test("a symbolic link in the tree is refused by name", async () => {
  const hostile = await makeRepository()
  await symlink("/etc/passwd", join(hostile.folder, "passwd"))
  const commit = await hostile.commit({ "plugin.ts": "1" })
  await expect(resolve(`file://${hostile.folder}`, commit)).rejects.toMatchObject({
    code: "SOURCE_REFUSED",
    message: expect.stringContaining('"passwd" is a symbolic link'),
  })
})

test("a submodule in the tree is refused by name", async () => {
  const hostile = await makeRepository()
  await hostile.commit({ "plugin.ts": "1" })
  await hostile.git("update-index", "--add", "--cacheinfo", `160000,${first},vendor`)
  await hostile.git("commit", "--quiet", "--message=submodule")
  await expect(resolve(`file://${hostile.folder}`, "HEAD")).rejects.toMatchObject({
    code: "SOURCE_REFUSED",
    message: expect.stringContaining('"vendor" is a submodule'),
  })
})

test("a SHA-256 repository is refused as such", async () => {
  const folder = await makeFolder()
  const run = (...args: string[]) =>
    Bun.spawnSync(["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x@y", ...args])
  run("init", "--quiet", "--object-format=sha256")
  expect(run("commit", "--quiet", "--allow-empty", "--message=x").exitCode).toBe(0)
  await expect(resolve(`file://${folder}`, "HEAD")).rejects.toThrow("SHA-256 repository, which is not supported")
})

test("more than may be downloaded is refused", async () => {
  const large = await makeRepository()
  const commit = await large.commit({ noise: crypto.getRandomValues(new Uint8Array(65_536)) })
  const bare = await makeFolder()
  const fetching = withBudget(
    "git+x",
    async (budget) => {
      const options = { budget, protocol: "file", repository: bare }
      await runGit(["init", "--bare", "--quiet", bare], { budget, protocol: "file" })
      await runGit(["fetch", "--quiet", "--", `file://${large.folder}`, commit], options)
    },
    { bytes: 10_000 },
  )
  await expect(fetching).rejects.toMatchObject({ code: "SOURCE_TOO_LARGE" })
})

test("a few trees that name each other until they have millions of files are refused before they are listed", async () => {
  const { git } = repository
  const blob = (await git("rev-parse", "HEAD:plugin.ts")).trim()
  const write = async (mode: string, hash: string, count: number) => {
    const index = join(await makeFolder(), "tree")
    await Bun.write(index, Array.from({ length: count }, (_, at) => `${mode} ${hash}\tx${at}\n`).join(""))
    const made = Bun.spawnSync(["git", "-C", repository.folder, "mktree"], { stdin: Bun.file(index) })
    return made.stdout.toString().trim()
  }
  let tree = await write("100644 blob", blob, 20)
  for (let level = 0; level < 5; level++) tree = await write("040000 tree", tree, 20)
  const commit = (await git("commit-tree", tree, "-m", "bomb")).trim()
  await git("branch", "bomb", commit)
  await expect(resolve(`file://${repository.folder}`, "bomb")).rejects.toThrow("more than 16 MiB, which is the limit")
})

test("no hook of the user's configuration runs", async () => {
  const home = await makeFolder({ config: "" })
  await writeFiles(home, { "hooks/reference-transaction": `#!/bin/sh\ntouch ${home}/ran\n` })
  await chmod(join(home, "hooks/reference-transaction"), 0o755)
  await writeFiles(home, { config: `[core]\n\thooksPath = ${home}/hooks\n` })
  process.env.GIT_CONFIG_GLOBAL = join(home, "config")
  try {
    // an unknown commit makes it fetch all branches, which writes references
    await expect(resolve(`file://${repository.folder}`, "0".repeat(40))).rejects.toThrow()
    expect(await Bun.file(join(home, "ran")).exists()).toBe(false)
  } finally {
    delete process.env.GIT_CONFIG_GLOBAL
  }
})

test("a machine without git is told what to install", async () => {
  const { PATH } = process.env
  process.env.PATH = await makeFolder()
  try {
    await expect(resolve(`file://${repository.folder}`, "HEAD")).rejects.toThrow(
      /git sources need it: "apt-get install git"/,
    )
  } finally {
    process.env.PATH = PATH
  }
})

test("the packages of its package.json are fetched from the registry and locked", async () => {
  const registry = await startRegistry()
  try {
    await registry.publish({ name: "ms", version: "2.1.3" }, { "index.js": "module.exports = 1" })
    const plugin = await makeRepository()
    await plugin.commit({ "plugin.ts": "1", "package.json": '{"dependencies":{"ms":"^2.0.0","elysia":"^1"}}' })
    const context = await makeContext({ registry: registry.url })
    const fetched = await resolve(`file://${plugin.folder}`, "HEAD", "", context)
    expect([...fetched.packages.keys()]).toEqual(["ms@2.1.3"])
  } finally {
    await registry.stop()
  }
})
