import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import postgres from "postgres"
import { removeFolders } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { endJob, startJobs } from "../support/job-plugin.ts"
import { untilSaid } from "../support/pagoda.ts"
import { makePluginFolder } from "../support/plugin-host.ts"
import { createPostgresDatabase, type PostgresDatabase } from "../support/postgres.ts"
import { settingsPlugin } from "../support/settings-plugin.ts"

const admin = "/api/v2/admin/plugins/greeter/settings"
const own = "/api/v2/plugins/greeter"
const hidden = "sesame-open-now-4711"

describe.each([["SQLite"], ["Postgres"]])("on %s", (dialect) => {
  let database: PostgresDatabase | undefined
  let cwd: string
  let host: TestHost
  const answers: string[] = []

  const ask: TestHost["ask"] = async (path, options) => {
    const answer = await host.ask(path, options)
    answers.push(JSON.stringify(answer))
    return answer
  }
  const change = (body: unknown) => ask(admin, { method: "PATCH", body })
  const see = async () => (await ask(`${own}/see`)).body

  beforeAll(async () => {
    database = dialect === "Postgres" ? await createPostgresDatabase() : undefined
    cwd = await makePluginFolder({ greeter: settingsPlugin })
    host = await startTestHost({ cwd, env: database ? { DATABASE_URL: database.url } : {} })
  }, 60_000)
  afterAll(async () => {
    await host?.stop()
    await database?.drop()
    await removeFolders()
  })

  test("a change is there for the next request, and a request that runs keeps what it began with", async () => {
    expect(await see()).toEqual({ greeting: "Hello", by_api: "Hello", key_length: null, told: [] })
    const slow = host.ask(`${own}/slow`)
    await askUntil(host, `${own}/began`, ({ began }) => began === 1)
    expect(await change({ GREETING: "Hi", API_KEY: hidden })).toMatchObject({
      status: 200,
      body: { GREETING: "Hi", SLOW: false, API_KEY: { is_set: true } },
    })
    await host.ask(`${own}/go`, { method: "POST" })
    expect((await slow).body).toEqual({ before: "Hello", after: "Hello" })
    expect(await see()).toEqual({ greeting: "Hi", by_api: "Hi", key_length: hidden.length, told: ["Hi"] })
    expect((await host.ask(`${own}/open`, { token: null })).body).toBe("Hi")
  })

  test("jobs see it too, and their process is told", async () => {
    const run = async (operation: number) => {
      const [id] = await startJobs(host, operation, {}, { plugin: "greeter" })
      return endJob(host, id as number)
    }
    const before = JSON.parse((await run(700)).text ?? "")
    expect(before).toMatchObject({ greeting: "Hi", key_length: hidden.length, told: [] })
    expect(before.pid).not.toBe(host.process.pid)
    expect((await change({ GREETING: "Hey" })).status).toBe(200)
    expect(JSON.parse((await run(700)).text ?? "")).toMatchObject({ greeting: "Hey", told: ["Hey"], pid: before.pid })
    expect(await run(701)).toMatchObject({ status: "done" })
    expect((await see()).greeting).toBe("set by a job")
  })

  test("what does not fit is refused with its paths, and a plugin is held to the same", async () => {
    const wrong = await change({ GREETING: 5, API_KEY: "short", GREETNG: "x" })
    expect(wrong).toMatchObject({ status: 422, type: "application/problem+json", body: { code: "VALIDATION_FAILED" } })
    expect(wrong.body.errors.map(({ path }: { path: string }) => path)).toEqual(["GREETING", "API_KEY", "GREETNG"])
    expect(await ask(`${own}/set`, { body: { GREETING: 5 } })).toMatchObject({
      status: 422,
      body: { plugin: "greeter" },
    })
    const set = await host.ask(`${own}/set`, { body: { GREETING: "by its own" } })
    expect(set.body).toMatchObject({ GREETING: "by its own" })
    expect((await ask(admin)).body).toMatchObject({ GREETING: "by its own", API_KEY: { is_set: true } })
    expect(await change([])).toMatchObject({ status: 422 })
    expect(await ask("/api/v2/admin/plugins/nobody/settings")).toMatchObject({ status: 404 })
    expect(await host.ask(admin, { token: null })).toMatchObject({ status: 401 })
  })

  test("an onSettings that throws takes nothing back, and its error is logged without a secret", async () => {
    expect((await change({ GREETING: "throw" })).status).toBe(200)
    await untilSaid(host, "cannot use •••")
    expect((await see()).greeting).toBe("throw")
    expect((await change({ GREETING: null })).body.GREETING).toBe("Hello")
  })

  test("settings outlive a restart, and the secret is in no file, row, log or answer", async () => {
    await ask("/api/v2/plugins/greeter")
    await ask("/api/v2/plugins")
    await ask("/swagger/json")
    await ask("/api/v2/audit?limit=100")
    await ask("/api/v2/jobs?limit=100")
    expect((await change({ GREETING: "stays" })).status).toBe(200)
    const log = [host.stderr()]
    await host.stop()
    host = await startTestHost({ cwd, env: database ? { DATABASE_URL: database.url } : {} })
    expect(await see()).toMatchObject({ greeting: "stays", key_length: hidden.length })
    log.push(host.stderr())
    expect(answers.join()).not.toContain(hidden)
    expect(log.join()).not.toContain(hidden)
    for (const file of filesBelow(join(cwd, ".pagoda"))) {
      expect({ file, has: readFileSync(file).includes(hidden) }).toEqual({ file, has: false })
    }
    if (database) expect(await dump(database.url)).not.toContain(hidden)
    const environments = await host.ask(`${own}/environment`)
    expect(environments.body).not.toContain(hidden)
  })
})

describe("two replicas on one Postgres", () => {
  const hosts: TestHost[] = []
  let database: PostgresDatabase
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.stop()))
    await database?.drop()
    await removeFolders()
  })

  test("a change at one is seen by the other within two seconds", async () => {
    database = await createPostgresDatabase()
    const cwd = await makePluginFolder({ greeter: settingsPlugin })
    const env = { DATABASE_URL: database.url, PAGODA_SECRET_KEY: "shared by the two replicas of this test" }
    for (const name of ["a", "b"]) {
      hosts.push(await startTestHost({ cwd, env: { ...env, PAGODA_DATA_DIR: join(cwd, name) } }))
    }
    const [a, b] = hosts as [TestHost, TestHost]
    expect((await a.ask(admin, { method: "PATCH", body: { GREETING: "to both", API_KEY: hidden } })).status).toBe(200)
    const seen = (body: any) => body.greeting === "to both" && body.told.includes("to both")
    expect(await askUntil(b, `${own}/see`, seen, 2_000)).toMatchObject({ key_length: hidden.length })
  }, 60_000)
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
}

async function dump(url: string): Promise<string> {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const tables = await client`select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`
    const rows: string[] = []
    for (const { name } of tables) rows.push(JSON.stringify(await client.unsafe(`select t::text from ${name} t`)))
    return rows.join()
  } finally {
    await client.end()
  }
}
