import { afterAll, afterEach, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { chmod, readFile } from "node:fs/promises"
import { join } from "node:path"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { startTestHost, type TestHost } from "../support/host.ts"
import { runPagoda } from "../support/pagoda.ts"
import { makePluginFolder } from "../support/plugin-host.ts"
import { createPostgresDatabase, startPostgres } from "../support/postgres.ts"

afterAll(removeFolders)

let host: TestHost | undefined
afterEach(async () => {
  await host?.stop()
  host = undefined
})

type Finding = { name: string; ok: boolean; message: string; mend?: string }

async function ask(cwd: string, env: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = await runPagoda(["doctor", "--json"], { cwd, env })
  const { ok, findings } = JSON.parse(stdout || "{}") as { ok: boolean; findings: Finding[] }
  if (!findings) throw new Error(stderr)
  expect(exitCode).toBe(ok ? 0 : 1)
  return { ok, findings, wrong: findings.filter((finding) => !finding.ok) }
}

test("doctor finds nothing wrong where nothing is yet, and makes nothing", async () => {
  const cwd = await makeFolder()
  expect(await ask(cwd)).toMatchObject({ ok: true, wrong: [] })
  expect(existsSync(join(cwd, ".pagoda"))).toBe(false)
})

test("doctor finds nothing wrong with a host that runs, nor after it", async () => {
  const cwd = await makePluginFolder({ one: { fields: "" } })
  host = await startTestHost({ cwd })
  const running = await ask(cwd)
  expect(running.wrong).toEqual([])
  expect(running.findings).toContainEqual({ name: "host", ok: true, message: "it runs; plugins: 1 active" })
  await host.stop()
  host = undefined
  const after = await ask(cwd)
  expect(after.wrong).toEqual([])
  expect(after.findings.map(({ name }) => name)).toContain("plugin one")
  const { stdout, exitCode } = await runPagoda(["doctor"], { cwd })
  expect(exitCode).toBe(0)
  expect(stdout).toContain("✓ repairs: nothing needs an administrator")
  expect(stdout).not.toContain("✗")
}, 30_000)

test("doctor tells what is wrong with the plugins of a host, and the command that it names mends it", async () => {
  const cwd = await makePluginFolder({ one: { fields: "" } })
  const file = join(cwd, "one/plugin.ts")
  await writeFiles(cwd, { "one/plugin.ts": (await readFile(file, "utf8")).replace("plugin.version", "1") })
  host = await startTestHost({ cwd })
  const names = ["plugin one", "INTEGRITY_MISMATCH one"]
  const told = await ask(cwd)
  expect(told.wrong.map(({ name }) => name)).toEqual(names)
  for (const { mend } of told.wrong) expect(mend).toContain('"pagoda plugin update one"')
  await host.stop()
  host = undefined
  // what the host wrote down stays, whether it runs or not
  expect((await ask(cwd)).wrong.map(({ name }) => name)).toEqual(names)
  host = await startTestHost({ cwd })
  expect((await runPagoda(["plugin", "update", "one", "--yes"], { cwd })).exitCode).toBe(0)
  expect((await ask(cwd)).wrong).toEqual([])
}, 30_000)

test("doctor tells of modes, a short key, a broken lockfile and a database that is not migrated", async () => {
  const cwd = await makePluginFolder({})
  expect((await runPagoda(["migrate"], { cwd })).exitCode).toBe(0)
  const folder = join(cwd, ".pagoda")
  await writeFiles(cwd, { ".pagoda/secret.key": "short\n", "plugins.lock.json": "{" })
  await chmod(join(folder, "secret.key"), 0o644)
  await chmod(folder, 0o755)
  const { wrong } = await ask(cwd)
  const named = Object.fromEntries(wrong.map(({ name, mend }) => [name, mend]))
  expect(Object.keys(named).sort()).toEqual(["data directory", "file modes", "lockfile", "secret key"].sort())
  expect(named["data directory"]).toBe(`chmod 700 "${folder}"`)
  expect(named["file modes"]).toBe(`chmod 600 "${join(folder, "secret.key")}"`)

  const lockfile = { lockfileVersion: 1, plugins: { p: { sorce: "file:p" } } }
  await writeFiles(cwd, { "plugins.lock.json": JSON.stringify(lockfile, null, 2) })
  const { stdout } = await runPagoda(["doctor"], { cwd })
  expect(stdout).toMatch(
    /lockfile: Cannot read the lockfile ".*": 2 mistakes\n {6}4:\d+ .* is missing.*\n {6}5:\d+ .* unknown/,
  )
}, 30_000)

test("doctor looks at Postgres, and says when that cannot be reached or is not migrated", async () => {
  await startPostgres()
  const { url, drop } = await createPostgresDatabase()
  try {
    const cwd = await makeFolder()
    const bare = await ask(cwd, { DATABASE_URL: url })
    expect(bare.wrong).toMatchObject([{ name: "database", mend: "pagoda migrate" }])
    expect((await runPagoda(["migrate"], { cwd, env: { DATABASE_URL: url } })).exitCode).toBe(0)
    const migrated = await ask(cwd, { DATABASE_URL: url })
    expect(migrated.wrong).toEqual([])
    expect(migrated.findings.map(({ name }) => name)).toContain("clock")
    const gone = await ask(cwd, { DATABASE_URL: "postgres://127.0.0.1:1/none" })
    expect(gone.wrong).toMatchObject([{ name: "database" }])
    expect(gone.wrong[0]?.message).toContain("127.0.0.1:1/none")
  } finally {
    await drop()
  }
}, 60_000)
