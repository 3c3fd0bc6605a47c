import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import postgres from "postgres"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { startTestHost } from "../support/host.ts"
import { killPagoda, runPagoda } from "../support/pagoda.ts"
import { pluginFiles } from "../support/plugin-folder.ts"
import { makePluginFolder } from "../support/plugin-host.ts"
import { createPostgresDatabase, type PostgresDatabase } from "../support/postgres.ts"
import { type Registry, startRegistry } from "../support/registry.ts"
import { settingsPlugin } from "../support/settings-plugin.ts"

const hidden = "sesame-open-now-4711"
const seen = "/api/v2/plugins/greeter/see"
const settings = "/api/v2/admin/plugins/greeter/settings"
const rotation = ["doctor", "--rotate-key"]

/** The secret is still known, and the plugin serves; a session and a token from before, and what they are good for. */
async function look(cwd: string, env: Record<string, string>, before?: { session?: string; token: string }) {
  const host = await startTestHost({ cwd, env })
  try {
    const statusFor = async (token?: string) => (await host.ask("/api/v2/me", { token: token ?? null })).status
    return {
      key_length: (await host.ask(seen)).body.key_length,
      session: await statusFor(before?.session),
      token: await statusFor(before?.token),
      log: host.stderr(),
    }
  } finally {
    await host.stop()
  }
}

/** Sets the secret, and logs in: the session and an API token. */
async function prepare(cwd: string, env: Record<string, string>) {
  const host = await startTestHost({ cwd, env })
  try {
    const changed = await host.ask(settings, { method: "PATCH", body: { API_KEY: hidden } })
    if (changed.status !== 200) throw new Error(host.stderr())
    expect(changed).toMatchObject({ status: 200, body: { API_KEY: { is_set: true } } })
    const { body } = await host.ask("/api/v2/tokens", { body: { name: "ci" } })
    const credentials = { username: "admin", password: "correct horse battery staple" }
    const login = await host.ask("/api/v2/auth/login", { body: credentials })
    return { session: login.body.token as string, token: body.token as string }
  } finally {
    await host.stop()
  }
}

describe("on SQLite", () => {
  let machine: string
  let registry: Registry
  let before: { session: string; token: string }
  const env = () => ({ NPM_CONFIG_REGISTRY: registry.url, PAGODA_LOG_LEVEL: "debug", PAGODA_LOG_FORMAT: "json" })
  const copy = async () => {
    const cwd = await makeFolder()
    cpSync(machine, cwd, { recursive: true })
    return cwd
  }
  const readKey = (cwd: string) => readFileSync(join(cwd, ".pagoda/secret.key"), "utf8")

  beforeAll(async () => {
    registry = await startRegistry()
    const { "package.json": about = "", "plugin.ts": code = "" } = pluginFiles("greeter", settingsPlugin)
    await registry.publish({ ...JSON.parse(about), name: "greeter" }, { "plugin.ts": code })
    machine = await makeFolder()
    const added = await runPagoda(["plugin", "add", "npm:greeter", "--yes"], { cwd: machine, env: env() })
    expect(added).toMatchObject({ exitCode: 0 })
    before = await prepare(machine, env())
  }, 60_000)
  afterAll(async () => {
    await registry.stop()
    await removeFolders()
  })

  test("the key is another one, the secret is known, what was stored is used without a network, tokens stay", async () => {
    const cwd = await copy()
    const { exitCode, stdout, stderr } = await runPagoda(rotation, { cwd, env: env() })
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" })
    expect(stdout).toContain("1 secret setting anew")
    expect(stdout).toContain("1 stored source anew")
    expect(readKey(cwd)).not.toBe(readKey(machine))
    for (const text of [stdout, stderr]) {
      for (const secret of [hidden, readKey(cwd).trim(), readKey(machine).trim()]) expect(text).not.toContain(secret)
    }
    const offline = { ...env(), PAGODA_OFFLINE: "true" }
    expect(await look(cwd, offline, before)).toMatchObject({ key_length: hidden.length, session: 401, token: 200 })
    // a second one, on top of what the first one sealed
    expect(await runPagoda(rotation, { cwd, env: env() })).toMatchObject({ exitCode: 0 })
    expect(await look(cwd, offline, before)).toMatchObject({ key_length: hidden.length, token: 200 })
  }, 60_000)

  test("the old key is refused afterwards, with what to do", async () => {
    const cwd = await copy()
    await runPagoda(rotation, { cwd, env: env() })
    const old = { ...env(), PAGODA_SECRET_KEY: readKey(machine).trim() }
    const { exitCode, stderr } = await runPagoda(["serve", "--port", "0"], { cwd, env: old })
    expect(exitCode).toBe(1)
    expect(stderr).toContain('"secret.key" of its data directory')
  }, 60_000)

  test("it is refused where there is no database, and leaves nothing there", async () => {
    const cwd = await makeFolder()
    const { exitCode, stderr } = await runPagoda(rotation, { cwd, env: env() })
    expect(exitCode).toBe(1)
    expect(stderr).toContain("name the data directory that has one with --data-dir")
    expect(existsSync(join(cwd, ".pagoda"))).toBe(false)
  })

  test("it is refused while a host runs on the data directory", async () => {
    const cwd = await copy()
    const host = await startTestHost({ cwd, env: env() })
    try {
      const { exitCode, stderr } = await runPagoda(rotation, { cwd, env: env() })
      expect(exitCode).toBe(1)
      expect(stderr).toContain("stop it, then run this again")
    } finally {
      await host.stop()
    }
    expect(readKey(cwd)).toBe(readKey(machine))
  }, 60_000)

  test.each([
    ["key", false],
    ["store", false],
    ["database", undefined],
    ["adopt", true],
  ])(
    'killed at its step "%s" the next start has the old key or the new one, whole',
    async (step, isNew) => {
      const cwd = await copy()
      const { isKilled } = await killPagoda(rotation, { cwd, env: env() }, { said: `Step \\"${step}\\"`, after_ms: 0 })
      const isPending = existsSync(join(cwd, ".pagoda/secret.key.next"))
      const offline = { ...env(), PAGODA_OFFLINE: "true" }
      const found = await look(cwd, offline, before)
      expect(found).toMatchObject({ key_length: hidden.length, token: 200 })
      if (isPending) expect(found.log).toMatch(/was cut short: it is (finished|taken back)/)
      expect(existsSync(join(cwd, ".pagoda/secret.key.next"))).toBe(false)
      const isChanged = readKey(cwd) !== readKey(machine)
      expect(found.session).toBe(isChanged ? 401 : 200)
      if (isKilled && isPending && isNew !== undefined) expect(isChanged).toBe(isNew || found.log.includes("finished"))
      // and it can be done again
      expect(await runPagoda(rotation, { cwd, env: env() })).toMatchObject({ exitCode: 0 })
      expect(await look(cwd, offline, before)).toMatchObject({ key_length: hidden.length, token: 200 })
    },
    60_000,
  )

  test("a key that the database never took is taken back", async () => {
    const cwd = await copy()
    await Bun.write(join(cwd, ".pagoda/secret.key.next"), "a key that no database has ever seen")
    const found = await look(cwd, env(), before)
    expect(found).toMatchObject({ key_length: hidden.length, session: 200, token: 200 })
    expect(found.log).toContain("was cut short: it is taken back")
    expect(readKey(cwd)).toBe(readKey(machine))
    expect(existsSync(join(cwd, ".pagoda/secret.key.next"))).toBe(false)
  }, 60_000)

  test("a commit whose key was not adopted yet is finished by a command as well", async () => {
    const cwd = await copy()
    expect(await runPagoda(rotation, { cwd, env: env() })).toMatchObject({ exitCode: 0 })
    const made = readKey(cwd)
    await Bun.write(join(cwd, ".pagoda/secret.key.next"), made)
    await Bun.write(join(cwd, ".pagoda/secret.key"), readKey(machine))
    const { exitCode, stderr } = await runPagoda(["user", "create", "ada"], { cwd, env: env() })
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("was cut short: it is finished")])
    expect(readKey(cwd)).toBe(made)
  }, 60_000)
})

describe("on Postgres", () => {
  let database: PostgresDatabase
  beforeAll(async () => {
    database = await createPostgresDatabase()
  }, 60_000)
  afterAll(async () => {
    await database.drop()
    await removeFolders()
  })

  test("a key of the environment is replaced by one in the data directory, once no replica runs", async () => {
    const cwd = await makePluginFolder({ greeter: settingsPlugin })
    const shared = { DATABASE_URL: database.url, PAGODA_LOG_FORMAT: "json" }
    const env = { ...shared, PAGODA_SECRET_KEY: "the key of the environment of this test" }
    const before = await prepare(cwd, env)
    const elsewhere = { ...env, PAGODA_DATA_DIR: join(cwd, "elsewhere") }
    const replica = await startTestHost({ cwd, env: elsewhere })
    try {
      const { exitCode, stderr } = await runPagoda(rotation, { cwd, env })
      expect(exitCode).toBe(1)
      expect(stderr).toContain("stop all of them")
    } finally {
      await replica.stop()
    }
    const { exitCode, stdout } = await runPagoda(rotation, { cwd, env })
    expect(exitCode).toBe(0)
    expect(stdout).toContain("PAGODA_SECRET_KEY still has the old one")
    const key = readFileSync(join(cwd, ".pagoda/secret.key"), "utf8").trim()
    expect(await look(cwd, { ...elsewhere, PAGODA_SECRET_KEY: key }, before)).toMatchObject({
      key_length: hidden.length,
      session: 401,
      token: 200,
    })
    expect(await look(cwd, shared, before)).toMatchObject({ key_length: hidden.length })
    expect(await runPagoda(["user", "create", "ada"], { cwd, env })).toMatchObject({ exitCode: 1 })
  }, 60_000)

  test("a replica that is still starting is seen", async () => {
    const { url, drop } = await createPostgresDatabase()
    const waits = `import { existsSync, writeFileSync } from "node:fs"`
    const fields = `initialize: async (api) => {
      writeFileSync("begun", "")
      while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 20))
    }`
    const cwd = await makePluginFolder({ slow: { permissions: ["import:node:fs"], body: waits, fields } })
    const env = { DATABASE_URL: url, PAGODA_SECRET_KEY: "the key of the environment of this test" }
    const starting = startTestHost({ cwd, env: { ...env, PAGODA_DATA_DIR: join(cwd, "elsewhere") } })
    try {
      while (!existsSync(join(cwd, "begun"))) await Bun.sleep(20)
      const { exitCode, stderr } = await runPagoda(rotation, { cwd, env })
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("stop all of them")])
    } finally {
      await Bun.write(join(cwd, "go"), "")
      await (await starting).stop()
      await drop()
    }
  }, 60_000)

  test("the passwords of plugins' roles end with the key, and their plugins go on", async () => {
    const { url, drop } = await createPostgresDatabase()
    const client = postgres(url, { max: 1 })
    const env = { DATABASE_URL: url }
    const fields = `routes: (app) => app.get("/one", ({ api }) => api.db.all("select 1 as one"))`
    const cwd = await makePluginFolder({ counter: { permissions: ["db"], fields } })
    const ask = async () => {
      const host = await startTestHost({ cwd, env })
      try {
        return (await host.ask("/api/v2/plugins/counter/one")).body
      } finally {
        await host.stop()
      }
    }
    const passwords = async () => {
      const rows = await client`select rolpassword as password from pg_authid, pg_database
        where datname = current_database() and rolname = 'plugin_counter_db' || pg_database.oid`
      return rows.map(({ password }) => password)
    }
    try {
      expect(await ask()).toEqual([{ one: 1 }])
      const [first] = await passwords()
      expect(first).toStartWith("SCRAM-SHA-256$")
      expect(await runPagoda(rotation, { cwd, env })).toMatchObject({ exitCode: 0 })
      expect(await passwords()).toEqual([null])
      expect(await ask()).toEqual([{ one: 1 }])
    } finally {
      await runPagoda(["plugin", "remove", "counter", "--purge", "--yes"], { cwd, env })
      await client.end()
      await drop()
    }
  }, 60_000)
})
