import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { commands } from "../../src/cli/commands.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { runPagoda } from "../support/pagoda.ts"

let cwd: string
beforeAll(async () => {
  cwd = await makeFolder()
})
afterAll(removeFolders)

const run = (args: string[], env: Record<string, string> = {}) => runPagoda(args, { cwd, env })

describe("pagoda", () => {
  test("prints its version", async () => {
    const { version } = await import("../../package.json")
    expect(await run(["--version"])).toEqual({ stdout: `${version}\n`, stderr: "", exitCode: 0 })
  })

  test("alone, with --help, -h or help lists every command", async () => {
    const { stdout, exitCode } = await run(["--help"])
    expect(exitCode).toBe(0)
    for (const { name, summary } of commands) {
      expect(stdout).toContain(`  ${name} `)
      expect(stdout).toContain(summary)
    }
    for (const args of [[], ["-h"], ["help"]]) expect((await run(args)).stdout).toBe(stdout)
  })

  test("shows no colours where there is no terminal", async () => {
    for (const env of [{}, { CI: "true" }] as Record<string, string>[]) {
      expect((await run(["--help"], env)).stdout).not.toContain("\u001b")
    }
  })

  test.each(commands.map(({ name }) => name))(
    "%s --help shows its flags and an example, and does nothing",
    async (name) => {
      const { stdout, stderr, exitCode } = await run([...name.split(" "), "--help"])
      expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 })
      expect(stdout).toContain(`Usage  pagoda ${name}`)
      expect(stdout).toContain("--data-dir D")
      expect(stdout).toContain(`Examples\n  pagoda ${name}`)
    },
  )

  test("plugin --help lists the verbs of that noun alone", async () => {
    const { stdout } = await run(["plugin", "--help"])
    expect(stdout).toContain("plugin verify")
    expect(stdout).not.toContain("migrate")
  })

  test.each([
    [["plugni", "list"], 'there is no such command (did you mean "plugin"?)'],
    [["plugin"], "it needs a verb"],
    [["plugin", "lst"], '(did you mean "plugin list"?)'],
    [["plugin", "prune"], "there is no such command"],
    [["help", "nonsense"], "there is no such command"],
    [["--nonsense"], "it is no command"],
    [["plugin", "add"], "<source> is missing"],
    [["plugin", "list", "x"], '"x" is one argument too many'],
    [["plugin", "list", "--jsno"], '--jsno is unknown (did you mean "--json"?)'],
    [["plugin", "list", "--port", "1"], "--port is unknown"],
    [["serve", "--port"], 'has no value, wanted "--port N"'],
    [["serve", "--no-plugins=1"], 'takes no value, but has "1"'],
    [["plugin", "add", "npm:x@1.0.0", "--isolation", "vm"], 'wanted "in-process" or "process"'],
    [["plugin", "add", "npm:x@1.0.0", "--isolation", "process"], "not yet"],
    [["plugin", "add", "npm:x@1.0.0", "--grant", "a b"], '--grant is "a b", wanted a permission such as "jobs:create"'],
    [["plugin", "add", "pagoda-plugin-x"], 'wanted "npm:pagoda-plugin-x"'],
    [["plugin", "list", "--data-dir", "/dev/null/x"], 'Cannot use the data directory "/dev/null/x": '],
    [["serve", "--data-dir", "/dev/null/x"], 'Cannot use the data directory "/dev/null/x": '],
    [["migrate", "--data-dir", "/dev/null/x"], 'Cannot use the data directory "/dev/null/x": '],
    [["openapi", "--data-dir", "/dev/null/x"], 'Cannot use the data directory "/dev/null/x": '],
    [["serve", "--vendor", "v"], "which is no folder"],
  ])("%j is the user's mistake, said in one line", async (args, wanted) => {
    const { stdout, stderr, exitCode } = await run(args)
    expect(stderr).toContain(wanted)
    expect(stderr).toMatch(/^pagoda: [^\n]+\n$/)
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 })
  })

  test("says its one line and no more when it is run as a script of the source tree", async () => {
    const root = join(import.meta.dir, "../..")
    const child = Bun.spawn([process.execPath, "pagoda", "nope"], { cwd: root, stdout: "pipe", stderr: "pipe" })
    expect(await child.stdout.text()).toBe("")
    expect(await child.stderr.text()).toMatch(/^pagoda: [^\n]+\n$/)
    expect(await child.exited).toBe(1)
  })

  test("tells all mistakes of flags and environment together, before anything is opened", async () => {
    const env = {
      PAGODA_PROT: "1",
      PAGODA_OFFLINE: "x",
      PAGODA_ADMIN_USERNAME: "a b",
      DATABASE_URL: "mysql://root:hunter2@h/d",
    }
    const { stderr, exitCode } = await run(["serve", "--prot", "1", "--host", "a b"], env)
    expect(exitCode).toBe(1)
    for (const name of ["--prot", "--host", "PAGODA_PROT", "PAGODA_OFFLINE", "PAGODA_ADMIN_USERNAME", "DATABASE_URL"])
      expect(stderr).toContain(`  ${name} `)
    expect(stderr).not.toContain("hunter2")
    expect(await readdir(cwd)).toEqual([])
  })

  test("shows a stack only where it was asked for", async () => {
    expect((await run(["plugin", "add", "x"], { PAGODA_LOG_LEVEL: "debug" })).stderr).toContain("    at ")
  })
})
