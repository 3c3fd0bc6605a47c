import { afterAll, expect, test } from "bun:test"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { runPagoda } from "../support/pagoda.ts"
import { pluginFiles } from "../support/plugin-folder.ts"

afterAll(removeFolders)

async function check(files: Record<string, string>) {
  const cwd = await makeFolder(files)
  const { stdout, exitCode } = await runPagoda(["check", "--yes", "--json"], { cwd })
  const { findings, ...rest } = JSON.parse(stdout)
  const of = (level: string) =>
    findings.filter((found: any) => found.level === level).map(({ rule, message }: any) => `${rule}: ${message}`)
  return { cwd, exitCode, rest, errors: of("error"), warnings: of("warning").join("\n") }
}

const about = (files: Record<string, string>, change: object) => ({
  ...files,
  "package.json": JSON.stringify({ ...JSON.parse(files["package.json"] ?? "{}"), ...change }),
})

test("check says that it runs the code, and without a terminal names --yes; nothing ran", async () => {
  const cwd = await makeFolder(pluginFiles("greeter", { body: 'console.log("ran")' }))
  const { stdout, stderr, exitCode } = await runPagoda(["check"], { cwd })
  expect([exitCode, stdout]).toEqual([1, ""])
  expect(stderr).toContain("This runs the code of the plugin in")
  expect(stderr).toContain("--yes")
})

test("check of a plugin that a host takes exits 0, tells what its users would miss, and leaves nothing behind", async () => {
  const { cwd, exitCode, errors, warnings, rest } = await check(pluginFiles("greeter"))
  expect([exitCode, errors]).toEqual([0, []])
  expect(rest).toEqual({ folder: cwd, id: "greeter", version: "1.0.0", ok: true })
  for (const hint of ["no README", "no license", "no tests", "what it is for", '"engines.pagoda"', "has no summary"])
    expect(warnings).toContain(hint)
  expect((await readdir(cwd)).sort()).toEqual(["package.json", "plugin.ts"])
})

const fields = (text: string) => pluginFiles("greeter", { fields: text })
const job = '{ name: "X", run: async () => "" }'

const wrong: Record<string, [files: Record<string, string>, error: string]> = {
  "a manifest that says another id than the code": [
    about(pluginFiles("greeter"), { pagoda: { id: "other" } }),
    'declaration: Cannot load plugin "other": its code says the id "greeter"',
  ],
  "a manifest that hides a permission": [
    about(pluginFiles("greeter", { permissions: ["db"] }), { pagoda: { id: "greeter", permissions: [] } }),
    "declaration: ",
  ],
  "a manifest that is none": [about(pluginFiles("greeter"), { pagoda: { id: 1 } }), "manifest: "],
  "another version than package.json": [
    about(pluginFiles("greeter"), { version: "2.0.0" }),
    'version: its code says "1.0.0"',
  ],
  "a host that it does not work with": [fields('engines: { pagoda: ">=9" },'), "declaration: "],
  "an import that it does not ask for": [
    pluginFiles("greeter", { body: 'import "node:fs"' }),
    "imports: Cannot load plugin",
  ],
  "code that throws": [pluginFiles("greeter", { body: 'throw new Error("no")' }), "import: "],
  "code that is none": [pluginFiles("greeter", { body: "const = 1" }), "imports: "],
  "a job number of the core": [fields(`jobs: { 100: ${job} },`), 'jobs: the number of its job "X" is 100'],
  "a job number that is too high": [fields(`jobs: { 10000: ${job} },`), "jobs: "],
  "an unknown hook": [
    fields('hooks: [{ name: "entry.before_tea", handler: async () => {} }],'),
    'declaration: Cannot load plugin "greeter": it has a hook on "entry.before_tea"',
  ],
  "a default that its own settings refuse": [
    pluginFiles("greeter", {
      body: 'import { t } from "@pagoda/sdk"',
      fields: 'settings: t.Object({ A: t.Number({ default: "x" }) }),',
    }),
    "declaration: ",
  ],
  "no entry": [{ "package.json": "{}" }, "files: "],
}
for (const [what, [files, error]] of Object.entries(wrong)) {
  test(`check refuses ${what}`, async () => {
    const { exitCode, errors, rest } = await check(files)
    expect([exitCode, rest.ok, errors]).toEqual([1, false, [expect.stringContaining(error)]])
  })
}

test("check refuses routes that a mount would refuse", async () => {
  const code = pluginFiles("greeter", {
    body: 'import { Elysia } from "elysia"',
  })["plugin.ts"]?.replace(/routes: .*\n/, "routes: () => new Elysia().get('/x', () => ''),\n")
  const { exitCode, errors } = await check({ ...pluginFiles("greeter"), "plugin.ts": code ?? "" })
  expect([exitCode, errors]).toEqual([1, [expect.stringContaining("routes: Cannot mount plugin")]])
})

test("check warns of permissions that nothing in the code uses, and not of those that are used", async () => {
  const asks = ["jobs:create", "system", "import:node:path", "import:node:fs", "net:example.com"]
  const { exitCode, warnings } = await check(
    pluginFiles("greeter", {
      permissions: asks,
      body: 'import { join } from "node:path"\nexport const work = (api) => [api.jobs.create(join("a")), api.fetch("https://example.com")]',
    }),
  )
  expect(exitCode).toBe(0)
  const told = asks.filter((permission) => warnings.includes(`it asks for "${permission}"`))
  expect(told).toEqual(
    ["jobs:create", "system", "import:node:fs", "net:example.com"].filter((one) => told.includes(one)),
  )
  expect(told).toContain("system")
  expect(told).toContain("import:node:fs")
  expect(told).not.toContain("import:node:path")
})

test("check warns where there is no manifest, and where a host's data is in the folder", async () => {
  const files = { ...pluginFiles("greeter", { manifest: false }), ".pagoda/key": "secret" }
  const { exitCode, warnings, rest } = await check(files)
  expect([exitCode, rest.id]).toEqual([0, "greeter"])
  expect(warnings).toContain("its code has to run before anyone can see what it asks for")
  expect(warnings).toContain('it has the folder ".pagoda" in it')
})

test("check prints a line for each thing, and a summary", async () => {
  const cwd = await makeFolder(pluginFiles("greeter"))
  const { stdout } = await runPagoda(["check", join(cwd), "--yes"], { cwd })
  expect(stdout).toContain('  ✓ manifest: "greeter"; asks for no permission\n')
  expect(stdout).toContain("  ! project: it has no README\n")
  expect(stdout).toMatch(/greeter is a plugin that a host takes, \d to look at\.\n$/)
})

test("check warns of code and static files that npm would not publish", async () => {
  const more = { "tables.ts": "", "lib/deep/a.ts": "", "lib/b.test.ts": "", "static/x.css": "", "biome.config.ts": "" }
  const warned = async (...names: string[]) => {
    const { warnings } = await check(about({ ...pluginFiles("greeter"), ...more }, { files: names }))
    return /npm would not publish (.*):/.exec(warnings)?.[1]
  }
  expect(await warned("plugin.ts", "README.md")).toBe('"lib/deep/a.ts" and 2 more')
  expect(await warned("*.ts", "./static/", "lib/deep/*")).toBeUndefined()
  expect(await warned("/plugin.ts", "**/*.ts", "static")).toBeUndefined()
  expect(await warned("*.ts", "!*.test.ts", "!tables.ts", "static/**", "lib")).toBe('"tables.ts"')
  expect((await check(pluginFiles("greeter"))).warnings).not.toContain("publish")
}, 20_000)
