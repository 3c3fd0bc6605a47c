import { afterAll, expect, test } from "bun:test"
import { mkdir, readdir, symlink } from "node:fs/promises"
import { join } from "node:path"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { startTestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"

afterAll(removeFolders)

const sdk = join(import.meta.dir, "../../sdk")

/** As `bun install` would leave it. */
async function install(project: string): Promise<void> {
  await mkdir(join(project, "node_modules", "@pagoda"), { recursive: true })
  await symlink(sdk, join(project, "node_modules", "@pagoda", "sdk"))
}

async function makeProject(...flags: string[]) {
  const cwd = await makeFolder()
  const run = (...args: string[]) => runPagoda(args, { cwd })
  const made = await run("create", "tea-time", ...flags)
  return { cwd, run, made, project: join(cwd, "tea-time") }
}

test("create makes a project that passes its own tests and check, can be added, and serves", async () => {
  const { cwd, run, made, project } = await makeProject()
  expect(made).toMatchObject({ exitCode: 0, stderr: "" })
  expect((await readdir(project)).sort()).toEqual(
    [".gitignore", "README.md", "package.json", "plugin.test.ts", "plugin.ts", "tsconfig.json"].sort(),
  )
  expect(await readdir(cwd)).toEqual(["tea-time"])
  await install(project)
  const tests = Bun.spawn([process.execPath, "test"], { cwd: project, stdout: "pipe", stderr: "pipe" })
  const [errors, code] = await Promise.all([tests.stderr.text(), tests.exited])
  expect([code, errors]).toEqual([0, expect.stringContaining(" 0 fail")])

  const checked = await run("check", "tea-time", "--yes", "--json")
  expect(checked.exitCode).toBe(0)
  const { ok, id, version, findings } = JSON.parse(checked.stdout)
  expect({ ok, id, version }).toEqual({ ok: true, id: "tea-time", version: "0.1.0" })
  expect(findings.filter(({ level }: any) => level !== "fine")).toEqual([])

  expect(await run("plugin", "add", "./tea-time", "--yes")).toMatchObject({ exitCode: 0 })
  const host = await startTestHost({ cwd })
  try {
    const { body } = await host.ask("/api/v2/plugins/tea-time/hello/Ada")
    expect(body).toEqual({ message: "Hello, Ada!", plugin: "tea-time" })
  } finally {
    await host.stop()
  }
})

test("author and description are text, whatever is in them", async () => {
  const about = { author: 'Ada "x" `y` $'.concat("{z}"), description: "a {{title}} b \\ c */" }
  const { run, project } = await makeProject("--author", about.author, "--description", about.description)
  expect(await Bun.file(join(project, "package.json")).json()).toMatchObject({
    ...about,
    name: "pagoda-plugin-tea-time",
  })
  expect(await run("check", "tea-time", "--yes")).toMatchObject({ exitCode: 0 })
  await run("plugin", "add", "./tea-time", "--yes")
  expect(JSON.parse((await run("plugin", "info", "tea-time", "--json")).stdout)).toMatchObject(about)
})

test("a name with the usual prefix is that of the package, and the id goes without it", async () => {
  const cwd = await makeFolder()
  await runPagoda(["create", "pagoda-plugin-tea"], { cwd })
  expect(await Bun.file(join(cwd, "pagoda-plugin-tea", "package.json")).json()).toMatchObject({
    name: "pagoda-plugin-tea",
    pagoda: { id: "tea" },
  })
})

test("create takes an empty folder, and refuses one with something in it, a file, and what is no name", async () => {
  const cwd = await makeFolder({ "full/mine.txt": "mine", file: "mine" })
  await mkdir(join(cwd, "empty"))
  const create = (name: string) => runPagoda(["create", name], { cwd })
  expect((await create("empty")).exitCode).toBe(0)
  expect(await create("full")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is not empty") })
  expect(await create("file")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is no folder") })
  for (const name of ["../up", "/abs", "a/b", "Big", "a--b", "-", "日本", ""]) {
    const { stderr, exitCode } = await create(name)
    expect([name, exitCode, stderr]).toEqual([name, 1, expect.stringContaining("pagoda: ")])
  }
  expect((await readdir(cwd)).sort()).toEqual(["empty", "file", "full"])
  expect(await readdir(join(cwd, "full"))).toEqual(["mine.txt"])
})
