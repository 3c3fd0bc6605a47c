import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { flipByte, makeFolder, removeFolders } from "../support/folder.ts"
import { startTestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"
import { type Sources, startSources } from "../support/sources.ts"

let folder: string
let sources: Sources
const lockfileIn = (where: string) => join(where, "plugins.lock.json")
const readLock = (where = folder) => JSON.parse(readFileSync(lockfileIn(where), "utf8"))
const ids = ["from-folder", "from-git", "from-git-file", "from-npm", "from-url"] as const
type Id = (typeof ids)[number]

beforeAll(async () => {
  folder = await makeFolder()
  sources = await startSources(folder)
  for (const id of ids) {
    const { source } = sources.plugins[id]
    const added = await runPagoda(["plugin", "add", source, "--yes"], { cwd: folder, env: sources.env })
    expect([id, added.exitCode, added.exitCode ? added.stderr : ""]).toEqual([id, 0, ""])
  }
}, 60_000)

afterAll(async () => {
  await sources?.stop()
  await removeFolders()
})

/** The states of all plugins of a workspace, and what those that are active answer. */
async function serve(where: string, env: Record<string, string>) {
  const host = await startTestHost({ cwd: where, env: { ...sources.env, ...env } })
  try {
    const { results } = (await host.ask("/api/v2/plugins")).body
    const answers: Record<string, unknown> = {}
    for (const { id, state } of results) {
      if (state === "active") answers[id] = (await host.ask(`/api/v2/plugins/${id}/answer`)).body.answer
    }
    return { records: Object.fromEntries(results.map((record: any) => [record.id, record])), answers }
  } finally {
    await host.stop()
  }
}

const allAnswers = () => Object.fromEntries(ids.map((id) => [id, sources.plugins[id].answer]))

describe("plugins of every kind of source", () => {
  test("are locked exactly: no range, no branch, every transitive package and module with its hash", () => {
    const { plugins } = readLock()
    expect(Object.keys(plugins)).toEqual([...ids])
    expect(plugins["from-npm"].source).toBe("npm:from-npm@1.0.0")
    expect(Object.keys(plugins["from-npm"].dependencies)).toEqual(["branch@1.2.0", "leaf@1.0.0", "leaf@2.0.0"])
    expect(plugins["from-git"].source).toEndWith(`#${sources.plugins["from-git"].commit}`)
    expect(Object.keys(plugins["from-git"].dependencies)).toEqual(["leaf@2.0.0"])
    expect(Object.keys(plugins["from-url"].modules)).toHaveLength(4)
    expect(Object.keys(plugins["from-url"].dependencies)).toEqual(["leaf@1.0.0"])
    for (const plugin of Object.values<any>(plugins)) expect(plugin.integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/)
  })

  test("are named in the lockfile without the registry that they came from", () => {
    const text = readFileSync(lockfileIn(folder), "utf8")
    expect(text).not.toContain(sources.registry.url)
  })

  test("serve, and pass verify", async () => {
    expect((await serve(folder, {})).answers).toEqual(allAnswers())
    const verified = await runPagoda(["plugin", "verify"], { cwd: folder, env: sources.env })
    expect(verified.exitCode).toBe(0)
    for (const id of ids) expect(verified.stdout).toContain(id)
  })

  test("serve from the store with no network, after all of their servers are gone", async () => {
    const env = { PAGODA_OFFLINE: "true", NPM_CONFIG_REGISTRY: "http://127.0.0.1:9" }
    expect((await serve(folder, env)).answers).toEqual(allAnswers())
  })

  test("are fetched again, from what is locked alone, into an empty store", async () => {
    const elsewhere = await copyWorkspace()
    rmSync(join(elsewhere, ".pagoda"), { recursive: true })
    expect((await serve(elsewhere, {})).answers).toEqual(allAnswers())
  })

  test("pagoda lock writes the same bytes twice, and fills in what a hand took out", async () => {
    const elsewhere = await copyWorkspace()
    const before = readFileSync(lockfileIn(elsewhere), "utf8")
    const lock = () => runPagoda(["lock", "--yes"], { cwd: elsewhere, env: sources.env })
    expect(await lock()).toMatchObject({ exitCode: 0 })
    expect(readFileSync(lockfileIn(elsewhere), "utf8")).toBe(before)
    const { plugins, ...rest } = JSON.parse(before)
    for (const id of ids) {
      const { source, permissions } = plugins[id]
      plugins[id] = { permissions, source }
    }
    await Bun.write(lockfileIn(elsewhere), JSON.stringify({ plugins, ...rest }))
    expect(await lock()).toMatchObject({ exitCode: 0 })
    const { plugins: filled } = readLock(elsewhere)
    for (const id of ids) expect(filled[id]).toMatchObject(pick(readLock().plugins[id]))
  })

  const holes: Record<string, (plugins: Record<string, any>) => void> = {
    "a package that the plugin itself wants": (plugins) => delete plugins["from-npm"].dependencies["branch@1.2.0"],
    "where packages lie": (plugins) => delete plugins["from-npm"].layout,
    "a package of an npm: import": (plugins) => delete plugins["from-url"].dependencies["leaf@1.0.0"],
    "one module": (plugins) => delete plugins["from-url"].modules[firstOf(plugins["from-url"].modules)],
    "all modules": (plugins) => delete plugins["from-url"].modules,
  }
  for (const [what, make] of Object.entries(holes)) {
    test(`of which the lockfile lacks ${what} are refused with "pagoda lock", which fills it in`, async () => {
      const elsewhere = await copyWorkspace()
      const before = readFileSync(lockfileIn(elsewhere), "utf8")
      await editLock(elsewhere, make)
      const { records } = await serve(elsewhere, {})
      const [failed, ...others] = Object.values<any>(records).filter(({ state }) => state === "failed")
      expect([failed?.error.code, others]).toEqual([expect.stringMatching(/^(INTEGRITY_MISSING|BUNDLE_FAILED)$/), []])
      expect(failed.error.message).toContain("pagoda lock")
      expect(await runPagoda(["lock"], { cwd: elsewhere, env: sources.env })).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(`${failed.id}: filled in`),
      })
      expect(readFileSync(lockfileIn(elsewhere), "utf8")).toBe(before)
    })
  }
})

function pick({ source, version, integrity, dependencies, modules }: Record<string, unknown>) {
  return { source, version, integrity, dependencies, ...(modules !== undefined && { modules }) }
}

async function copyWorkspace(): Promise<string> {
  const copy = await makeFolder()
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.endsWith("host.lock") })
  return copy
}

function storedTree(where: string, integrity: string): string {
  const hex = Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex")
  return join(where, ".pagoda", "store", "trees", hex)
}

function storedBundle(where: string, id: string): string {
  const bundles = join(where, ".pagoda", "store", "bundles")
  const file = readdirSync(bundles).find((name) => readFileSync(join(bundles, name), "utf8").includes(`id: "${id}"`))
  return join(bundles, file!)
}

/** Another hash of the right form. */
const wrongHash = `sha512-${"A".repeat(86)}==`

async function editLock(where: string, edit: (plugins: Record<string, any>) => void) {
  const lockfile = readLock(where)
  edit(lockfile.plugins)
  await Bun.write(lockfileIn(where), JSON.stringify(lockfile))
}

type Tampering = { id: Id; env?: Record<string, string>; tamper(where: string, plugin: any): Promise<unknown> }
const offline = { PAGODA_OFFLINE: "true" }
const firstOf = (record: Record<string, string>) => Object.keys(record)[0]!

const tamperings: Record<string, Tampering> = {
  "the stored tarball of an npm plugin": {
    id: "from-npm",
    env: offline,
    tamper: (where, { integrity }) => flipByte(storedTree(where, integrity)),
  },
  "a stored transitive package": {
    id: "from-npm",
    env: offline,
    tamper: (where, { dependencies }) => flipByte(storedTree(where, dependencies["branch@1.2.0"])),
  },
  "a stored git tree": {
    id: "from-git-file",
    env: offline,
    tamper: (where, { integrity }) => flipByte(storedTree(where, integrity)),
  },
  "a stored URL module": {
    id: "from-url",
    env: offline,
    tamper: (where, { modules }) => flipByte(storedTree(where, modules[firstOf(modules)])),
  },
  "a stored bundle": { id: "from-git", tamper: (where) => flipByte(storedBundle(where, "from-git")) },
  "a file of a folder": { id: "from-folder", tamper: (where) => flipByte(join(where, "from-folder", "plugin.ts")) },
  "the lockfile's hash of an npm plugin": {
    id: "from-npm",
    tamper: (where) => editLock(where, (plugins) => Object.assign(plugins["from-npm"], { integrity: wrongHash })),
  },
  "the lockfile's hash of a transitive package": {
    id: "from-npm",
    tamper: (where) =>
      editLock(where, (plugins) => Object.assign(plugins["from-npm"].dependencies, { "branch@1.2.0": wrongHash })),
  },
  "the lockfile's hash of a git tree": {
    id: "from-git",
    tamper: (where) => editLock(where, (plugins) => Object.assign(plugins["from-git"], { integrity: wrongHash })),
  },
  "the lockfile's hash of an entry module": {
    id: "from-url",
    tamper: (where) => editLock(where, (plugins) => Object.assign(plugins["from-url"], { integrity: wrongHash })),
  },
  "the lockfile's hash of a further module": {
    id: "from-url",
    tamper: (where) =>
      editLock(where, ({ "from-url": { modules } }) => {
        modules[firstOf(modules)] = wrongHash
      }),
  },
  "the lockfile's hash of a folder": {
    id: "from-folder",
    tamper: (where) => editLock(where, (plugins) => Object.assign(plugins["from-folder"], { integrity: wrongHash })),
  },
}

describe("one byte changed in", () => {
  for (const [what, { id, env = {}, tamper }] of Object.entries(tamperings)) {
    test(`${what}: that plugin is refused with both hashes and what mends it, every other serves`, async () => {
      const where = await copyWorkspace()
      await tamper(where, readLock(where).plugins[id])
      const { records, answers } = await serve(where, env)
      const { [id]: _, ...others } = allAnswers()
      expect(answers).toEqual(others)
      const { state, error } = records[id]
      expect([state, error.code]).toEqual(["failed", expect.stringMatching(/^(INTEGRITY_MISMATCH|STORE_DAMAGED)$/)])
      expect(error.message).toContain(id)
      expect(error.message.match(/sha512-[A-Za-z0-9+/=]+/g).length).toBeGreaterThanOrEqual(2)
      expect(error.message).toContain("pagoda plugin update")
    })
  }

  test("a stored entry is mended by fetching it again where the network is allowed", async () => {
    const where = await copyWorkspace()
    await flipByte(storedTree(where, readLock(where).plugins["from-npm"].integrity))
    expect((await serve(where, {})).answers).toEqual(allAnswers())
    expect((await serve(where, offline)).answers).toEqual(allAnswers())
  })

  test("a stored bundle is mended by pagoda plugin update", async () => {
    const where = await copyWorkspace()
    await flipByte(storedBundle(where, "from-npm"))
    const updated = await runPagoda(["plugin", "update", "from-npm", "--yes"], { cwd: where, env: sources.env })
    expect(updated.exitCode).toBe(0)
    expect((await serve(where, offline)).answers).toEqual(allAnswers())
  })

  test("a tarball on the registry, a transitive one, and a module on its server, before they are in the store", async () => {
    const where = await copyWorkspace()
    rmSync(join(where, ".pagoda"), { recursive: true })
    await sources.registry.tamper("leaf", "2.0.0")
    sources.web.set("/lib/c.ts", `export const c = "C"`)
    const { records, answers } = await serve(where, {})
    expect(Object.keys(answers).sort()).toEqual(["from-folder", "from-git-file"])
    for (const id of ["from-npm", "from-git", "from-url"]) {
      expect(records[id]).toMatchObject({ state: "failed", error: { code: "INTEGRITY_MISMATCH" } })
      expect(records[id].error.message.match(/sha512-[A-Za-z0-9+/=]+/g)).toHaveLength(2)
      expect(records[id].error.message).toContain("pagoda plugin update")
    }
  })
})
