import { afterAll, describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { appendFile, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { runPagoda } from "../support/pagoda.ts"
import { below, pluginFiles } from "../support/plugin-folder.ts"

afterAll(removeFolders)

async function makeHome(
  files: Record<string, string> = below("greeter", pluginFiles("greeter", { permissions: ["jobs:create"] })),
) {
  const cwd = await makeFolder(files)
  return {
    cwd,
    run: (...args: string[]) => runPagoda(args, { cwd }),
    text: () => Bun.file(join(cwd, "plugins.lock.json")).text(),
    read: async () => (await Bun.file(join(cwd, "plugins.lock.json")).json()).plugins,
  }
}

describe("pagoda plugin add", () => {
  test("shows what is asked for, locks it with every hash, and grants it", async () => {
    const { run, read } = await makeHome()
    const { stdout, exitCode, stderr } = await run("plugin", "add", "./greeter", "--yes")
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" })
    for (const part of [
      "greeter (1.0.0)",
      "source     file:greeter",
      "integrity  sha512-",
      "files      2",
      "asks for   jobs:create",
      "pagoda serve",
    ]) {
      expect(stdout).toContain(part)
    }
    expect(await read()).toEqual({
      greeter: {
        source: "file:greeter",
        version: "1.0.0",
        integrity: expect.stringMatching(/^sha512-/),
        dependencies: {},
        permissions: ["jobs:create"],
        isolation: "in-process",
        required: false,
      },
    })
  })

  test("takes --grant and --required", async () => {
    const { run, read } = await makeHome()
    await run("plugin", "add", "./greeter", "--yes", "--grant", "db", "--grant", "net:a,net:b", "--required")
    const { greeter } = await read()
    expect(greeter).toMatchObject({ permissions: ["jobs:create", "db", "net:a", "net:b"], required: true })
  })

  test("keeps a path as it is from the lockfile, wherever it was typed", async () => {
    const { cwd, read } = await makeHome()
    const inner = join(cwd, "greeter")
    const { exitCode } = await runPagoda(["plugin", "add", ".", "--yes", "--lockfile", "../plugins.lock.json"], {
      cwd: inner,
    })
    expect(exitCode).toBe(0)
    expect((await read()).greeter.source).toBe("file:greeter")
  })

  test("asks, and without a terminal names --yes; nothing ran and nothing was written", async () => {
    const ran = (name: string) => `import { writeFileSync } from "node:fs"; writeFileSync("${name}", "")`
    const files = {
      ...below("told", pluginFiles("told", { permissions: ["import:node:fs"], body: ran("ran-told") })),
      ...below(
        "untold",
        pluginFiles("untold", { permissions: ["import:node:fs"], body: ran("ran-untold"), manifest: false }),
      ),
    }
    const { cwd, run } = await makeHome(files)
    for (const name of ["told", "untold"]) {
      const { stderr, exitCode } = await run("plugin", "add", `./${name}`, "--grant", "import:node:fs")
      expect(exitCode).toBe(1)
      expect(stderr).toContain("--yes")
    }
    expect((await readdir(cwd)).filter((name) => name !== ".pagoda").sort()).toEqual(["told", "untold"])
    await run("plugin", "add", "./untold", "--grant", "import:node:fs", "--yes")
    expect(await readdir(cwd)).toContain("ran-untold")
  })

  test("runs a plugin without a manifest to learn what it asks for, and says so", async () => {
    const { run, read } = await makeHome(below("x", pluginFiles("untold", { permissions: ["db"], manifest: false })))
    const { stderr, exitCode } = await run("plugin", "add", "./x", "--yes")
    expect(stderr).toContain("its code has to run to learn what it asks for")
    expect(exitCode).toBe(0)
    expect((await read()).untold).toMatchObject({ permissions: ["db"], version: "1.0.0" })
  })

  test("names the source of what turns out to be no plugin", async () => {
    const { run } = await makeHome({ "none/index.ts": "export default () => {}" })
    const { stderr, exitCode } = await run("plugin", "add", "./none", "--yes")
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining('Cannot load plugin "file:none": it has no default'),
    ])
  })

  test("refuses an id that is there, and names the commands that mend it", async () => {
    const { run, text } = await makeHome()
    await run("plugin", "add", "./greeter", "--yes")
    const before = await text()
    const { stderr, exitCode } = await run("plugin", "add", "./greeter", "--yes")
    expect(exitCode).toBe(1)
    expect(stderr).toContain('run "pagoda plugin update greeter", or "pagoda plugin remove greeter" first')
    expect(await text()).toBe(before)
  })

  test.each([
    ["throws at import", 'throw new Error("no luck")', "no luck"],
    ["calls process.exit at import", "process.exit(0)", "process"],
    ["imports what it was not granted", 'import "node:fs"', "import:node:fs"],
    ["is no TypeScript", "const = 5", "plugin.ts"],
  ])("changes nothing when the plugin %s", async (_, body, wanted) => {
    const { cwd, run } = await makeHome(below("bad", pluginFiles("bad", { body })))
    const { stderr, exitCode } = await run("plugin", "add", "./bad", "--yes")
    expect(stderr).toContain(wanted)
    expect(exitCode).toBe(1)
    expect(await readdir(cwd)).not.toContain("plugins.lock.json")
  })

  test("ends though the plugin leaves a timer that never stops", async () => {
    const { run } = await makeHome(below("x", pluginFiles("timer", { body: "setInterval(() => {}, 1000)" })))
    expect((await run("plugin", "add", "./x", "--yes")).exitCode).toBe(0)
  })

  test("refuses a manifest that tries to hide what it asks for, and shows nothing of it as it is", async () => {
    const files = pluginFiles("sneaky", { permissions: ["system\u001b[2K\u001b[8m\n  asks for   nothing"] })
    const { run, cwd } = await makeHome(below("x", files))
    for (const consent of [[], ["--yes"]]) {
      const { stdout, stderr, exitCode } = await run("plugin", "add", "./x", ...consent)
      expect([exitCode, stdout]).toEqual([1, ""])
      expect(stderr).toContain("permissions")
      expect(stderr).not.toContain("\u001b")
      expect(stderr.trimEnd()).not.toContain("\n")
    }
    expect(await readdir(cwd)).not.toContain("plugins.lock.json")
  })

  test("does not touch a lockfile that it cannot read", async () => {
    const { run, cwd, text } = await makeHome()
    await writeFiles(cwd, { "plugins.lock.json": "{,}" })
    const { stderr, exitCode } = await run("plugin", "add", "./greeter", "--yes")
    expect(exitCode).toBe(1)
    expect(stderr).toContain('Cannot read the lockfile "')
    expect(await text()).toBe("{,}")
  })
})

describe("pagoda plugin", () => {
  test("list shows what is active, and why something is not", async () => {
    const { run, cwd } = await makeHome({
      ...below("a", pluginFiles("plugin-a")),
      ...below("b", pluginFiles("plugin-b")),
      ...below("c", pluginFiles("plugin-c")),
    })
    expect((await run("plugin", "list")).stdout).toBe("No plugins are installed.\n")
    for (const name of ["a", "b", "c"]) await run("plugin", "add", `./${name}`, "--yes")
    await run("plugin", "disable", "plugin-b")
    await appendFile(join(cwd, "c/plugin.ts"), "// changed")

    const { stdout } = await run("plugin", "list")
    const lines = stdout.split("\n")
    expect(lines.slice(0, 2)).toEqual(["Installed Plugins:", "  ✓ plugin-a (1.0.0) - The plugin-a"])
    expect(lines[2]).toBe("  ✗ plugin-b (1.0.0) - plugin-b: disabled: an administrator disabled it")
    expect(lines[3]).toStartWith("  ✗ plugin-c (1.0.0) - plugin-c: failed: ")
    expect(lines[3]).toContain('run "pagoda plugin update plugin-c"')

    const enabled = await run("plugin", "list", "--enabled-only", "--json")
    expect(JSON.parse(enabled.stdout)).toMatchObject([{ id: "plugin-a", state: "active", version: "1.0.0" }])
    expect((await run("plugin", "info", "plugin-a")).stdout).toContain("state")
    const info = await run("plugin", "info", "plugin-c", "--json")
    expect(JSON.parse(info.stdout)).toMatchObject({
      state: "failed",
      error: { step: "verify", code: "INTEGRITY_MISMATCH" },
    })

    await run("plugin", "enable", "plugin-b")
    expect((await run("plugin", "list")).stdout).toContain("✓ plugin-b")
  })

  test("info says in a line each which jobs and settings a plugin has", async () => {
    const fields = `jobs: { 4100: { name: "ONE", run() {} }, 4101: { name: "TWO", run() {} } },
      settings: t.Object({ GREETING: t.String({ default: "Hi" }), KEY: t.Optional(secret(t.String())), NEEDED: t.String() }),`
    const code = { fields, body: 'import { secret, t } from "@pagoda/sdk"' }
    const { run } = await makeHome(below("a", pluginFiles("plugin-a", code)))
    await run("plugin", "add", "./a", "--yes")
    const { stdout } = await run("plugin", "info", "plugin-a")
    expect(stdout).toMatch(/^jobs +4100 ONE, 4101 TWO$/m)
    expect(stdout).toMatch(/^settings +GREETING \("Hi"\), KEY \(secret\), NEEDED$/m)
  })

  test("verify says what every plugin is, and fails on one changed byte with both hashes", async () => {
    const { run, cwd, read } = await makeHome()
    await run("plugin", "add", "./greeter", "--yes")
    expect(await run("plugin", "verify")).toEqual({
      stdout: "  ✓ greeter: file:greeter (2 files, 0 packages)\n",
      stderr: "",
      exitCode: 0,
    })
    await appendFile(join(cwd, "greeter/plugin.ts"), " ")
    const { stdout, exitCode } = await run("plugin", "verify")
    expect(exitCode).toBe(1)
    expect(stdout).toContain(`lockfile says "${(await read()).greeter.integrity}"`)
    expect(stdout.match(/sha512-/g)).toHaveLength(2)
    expect(JSON.parse((await run("plugin", "verify", "--json")).stdout)).toMatchObject([
      { id: "greeter", ok: false, code: "INTEGRITY_MISMATCH" },
    ])
  })

  test("update takes what is there now, shows both versions, and asks for new permissions", async () => {
    const { run, cwd, read, text } = await makeHome()
    await run("plugin", "add", "./greeter", "--yes", "--grant", "db", "--required")
    expect((await run("plugin", "update")).stdout).toBe("greeter (1.0.0) is up to date.\n")

    await writeFiles(
      cwd,
      below("greeter", pluginFiles("greeter", { version: "1.1.0", permissions: ["jobs:create", "system"] })),
    )
    const before = await text()
    const refused = await run("plugin", "update", "greeter")
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("grant it system as well") })
    expect(await text()).toBe(before)

    const { stdout, exitCode } = await run("plugin", "update", "greeter", "--yes")
    expect(exitCode).toBe(0)
    expect(stdout).toContain("version    1.0.0 → 1.1.0")
    expect(stdout).toContain("new        system")
    expect((await read()).greeter).toMatchObject({
      version: "1.1.0",
      permissions: ["jobs:create", "db", "system"],
      required: true,
    })
    expect((await run("plugin", "verify")).exitCode).toBe(0)
  })

  test("update of all goes on past one that fails, and exits 1", async () => {
    const { run, cwd, read } = await makeHome({
      ...below("a", pluginFiles("plugin-a")),
      ...below("b", pluginFiles("plugin-b")),
    })
    for (const name of ["a", "b"]) await run("plugin", "add", `./${name}`, "--yes")
    await rm(join(cwd, "a"), { recursive: true })
    await writeFiles(cwd, below("b", pluginFiles("plugin-b", { version: "2.0.0" })))
    const { stderr, exitCode } = await run("plugin", "update")
    expect(exitCode).toBe(1)
    expect(stderr).toStartWith("pagoda: ")
    expect(await read()).toMatchObject({ "plugin-a": { version: "1.0.0" }, "plugin-b": { version: "2.0.0" } })
  })

  test("remove keeps the data and says where; --purge asks, then deletes it", async () => {
    const { run, cwd, read } = await makeHome()
    await run("plugin", "add", "./greeter", "--yes")
    await run("plugin", "disable", "greeter")
    const removed = await run("plugin", "remove", "greeter")
    expect(removed.stdout).toContain(`Its data stays in ${join(cwd, ".pagoda/pagoda.db")}`)
    expect(await read()).toEqual({})
    expect((await run("plugin", "remove", "greeter", "--purge")).exitCode).toBe(1)
    expect((await run("plugin", "remove", "greeter", "--purge", "--yes")).stdout).toBe(
      'This of "greeter" goes for good:\n  the record of its installation\nDeleted the data of greeter.\n',
    )
    expect((await run("plugin", "remove", "greeter", "--purge", "--yes")).stdout).toBe(
      "There was no data of greeter.\n",
    )
    // where nothing would go nothing is asked
    const again = await run("plugin", "remove", "greeter", "--purge")
    expect([again.exitCode, again.stdout]).toEqual([0, "There was no data of greeter.\n"])
  })

  test("a purge that does not come to its end is told of by doctor until it is run again", async () => {
    const { run, cwd } = await makeHome()
    await run("plugin", "add", "./greeter", "--yes")
    await run("plugin", "disable", "greeter")
    // what nobody can delete as a file
    const stuck = join(cwd, ".pagoda/plugins/greeter.db-wal")
    await writeFiles(cwd, { ".pagoda/plugins/greeter.db": "", ".pagoda/plugins/greeter.db-wal/file": "" })
    const failed = await run("plugin", "remove", "greeter", "--purge", "--yes")
    expect([failed.exitCode, failed.stderr]).toEqual([1, expect.stringContaining("Cannot delete")])
    const told = JSON.parse((await run("doctor", "--json")).stdout).findings
    expect(told).toContainEqual({
      name: "PURGE_UNFINISHED greeter",
      ok: false,
      message: expect.stringContaining("some may still be there"),
      mend: "pagoda plugin remove greeter --purge",
    })
    await rm(stuck, { recursive: true })
    expect((await run("plugin", "remove", "greeter", "--purge", "--yes")).exitCode).toBe(0)
    expect((await run("doctor", "--json")).stdout).not.toContain("PURGE_UNFINISHED")
  })

  test("--purge takes no path for an id", async () => {
    const { run, cwd } = await makeHome({ "victim.db": "not a plugin's" })
    await run("migrate")
    const { exitCode, stderr } = await run("plugin", "remove", "../../victim", "--purge", "--yes")
    expect([exitCode, existsSync(join(cwd, "victim.db"))]).toEqual([1, true])
    expect(stderr).toContain('There is no plugin "../../victim" in the lockfile')
  })

  test.each(["info", "update", "remove", "enable", "disable"])(
    "%s of an unknown plugin says so, with a guess",
    async (verb) => {
      const { run } = await makeHome({
        "plugins.lock.json": JSON.stringify({ lockfileVersion: 1, plugins: { greeter: { source: "file:greeter" } } }),
      })
      const { stderr, exitCode } = await run("plugin", verb, "greetr")
      expect(exitCode).toBe(1)
      expect(stderr).toContain('There is no plugin "greetr" in the lockfile (did you mean "greeter"?)')
    },
  )
})
