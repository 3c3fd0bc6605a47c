import { afterAll, expect, test } from "bun:test"
import { cpSync } from "node:fs"
import { join } from "node:path"
import { openAccounts } from "../../src/core/accounts.ts"
import { type DatabaseOptions, openDatabase } from "../../src/db/database.ts"
import { createLog } from "../../src/log.ts"
import { type Actor, driveApi } from "../support/api-driver.ts"
import { makeFolder, removeFolders, writeFiles } from "../support/folder.ts"
import { runPagoda, startPagoda } from "../support/pagoda.ts"
import { createPostgresDatabase } from "../support/postgres.ts"

const secretKey = "a key for tests that is long enough"
const password = "correct horse battery staple"

/** Jobs that can be cancelled before they end by themselves; hooks and overrides that do well, badly and nothing. */
const drivenPlugin = `/** @pagoda {"id": "driven", "permissions": ["entities:read", "entries:read", "jobs:create"]} */
import { definePlugin, job, onEntity, onEntry, PluginError, reject, t } from "@pagoda/sdk"
export default definePlugin({
  id: "driven", name: "Driven", version: "1.0.0", permissions: ["entities:read", "entries:read", "jobs:create"],
  routes: (app) => app.post("/wait", async ({ api, status }) => status(201, await api.jobs.create({ operation: 1100 })),
    { response: { 201: t.Object({ id: t.Integer() }, { additionalProperties: true }) } }),
  jobs: { 1100: job({ name: "WAIT", parallelizable: true, timeout_ms: 2000,
    run: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("cancelled"))) }) },
  hooks: [
    onEntry("validate", {}, async ({ data }) => { if (data.name === "forbidden") reject("it is forbidden", { path: "name" }) }),
    onEntry("before_create", {}, async ({ data }) => {
      const way = String(data.name).length % 5
      if (way === 0) return { name: 7 }
      if (way === 1) throw new Error("not this one")
      if (way === 2) return { ...data, name: data.name + "!" }
    }),
    onEntry("after_create", { durable: true }, async () => {}),
    onEntry("get_attrs", {}, async ({ attrs }) => ({ ...attrs, seen: true })),
    onEntity("before_update", {}, async ({ data }) => ({ ...data, note: "changed" })),
  ],
  overrides: {
    create: async ({ data }) => { if (data?.name === "7") throw new PluginError("not seven") },
    retrieve: async ({ entry }) => ({ ...entry, attrs: {} }),
    update: async ({ entry }) => { if (entry.version % 2 === 0) return entry },
    delete: async () => undefined,
    list: async ({ entity }) => { if (entity.id % 2 === 0) return { count: 0, next: null, previous: null, results: [] } },
  },
})
`

afterAll(removeFolders)

/** `PAGODA_DRIVER_SEED=<n>` makes the same requests again. */
const seed = Number(process.env.PAGODA_DRIVER_SEED ?? Math.floor(Math.random() * 2 ** 31))
const scale = Number(process.env.PAGODA_DRIVER_SCALE ?? 1)

for (const [dialect, requests] of [
  ["SQLite", 5000],
  ["Postgres", 2000],
] as const) {
  test(`${requests} random requests on ${dialect} meet no failure and no answer that the document does not describe`, async () => {
    const folder = await makeFolder()
    cpSync(join(import.meta.dir, "../../plugin-samples/hello-world"), join(folder, "hello-world"), { recursive: true })
    await writeFiles(folder, { "driven.ts": drivenPlugin })
    const postgres = dialect === "Postgres" ? await createPostgresDatabase() : undefined
    const env = {
      PAGODA_SECRET_KEY: secretKey,
      PAGODA_LOG_FORMAT: "json",
      ...(postgres && { DATABASE_URL: postgres.url }),
    }
    for (const source of ["./hello-world", "./driven.ts"]) {
      const added = await runPagoda(["plugin", "add", source, "--yes"], { cwd: folder, env })
      expect([added.exitCode, added.stderr]).toEqual([0, ""])
    }
    const place = postgres ? { url: postgres.url, file: "" } : { file: join(folder, ".pagoda/pagoda.db") }
    const { actors, protectedIds } = await makeActors(place)
    const host = await startPagoda([], { cwd: folder, env })
    try {
      console.info(`The seed is ${seed}`)
      await tolerateFailures(host.url, actors, "driven")
      const { findings, seen } = await driveApi({
        url: host.url,
        seed,
        requests: requests * scale,
        actors,
        credentials: { username: "alice", password },
        protectedIds,
        overriding: "driven",
        lanes: dialect === "Postgres" ? 8 : 1,
      })
      const kinds = new Map(
        findings.map((finding) => [`${finding.operation} ${finding.status}: ${finding.what}`, finding]),
      )
      for (const finding of kinds.values()) console.error(finding)
      const failures = host
        .stderr()
        .split("\n")
        .filter((line) => line.includes("Cannot answer"))
      if (failures.length > 0) console.error(failures.join("\n"))
      expect([...kinds.keys()]).toEqual([])
      if (dialect === "SQLite") {
        const unreached = [...seen].filter(([, counts]) => ![...counts.keys()].some((status) => status < 300))
        expect(unreached.map(([name, counts]) => `${name}: only ${[...counts.keys()]}`)).toEqual([])
      }
      expect(host.process.exitCode).toBeNull()
    } finally {
      await host.stop()
      await postgres?.drop()
    }
  }, 120_000)
}

/** It fails on purpose, and would be quarantined for it. */
async function tolerateFailures(url: string, actors: Actor[], plugin: string): Promise<void> {
  const admin = actors.find(({ name }) => name === "admin")
  const answer = await fetch(`${url}/api/v2/admin/plugins/${plugin}/limits`, {
    method: "PATCH",
    headers: { ...admin?.headers, "content-type": "application/json" },
    body: JSON.stringify({ failures_per_minute: 1_000_000 }),
  })
  expect(answer.status).toBe(200)
}

/** An admin half of the time; the others as often as each other. */
async function makeActors(place: DatabaseOptions): Promise<{ actors: Actor[]; protectedIds: Set<string> }> {
  const database = await openDatabase(place)
  await database.migrate()
  const accounts = openAccounts({ database, secretKey, log: createLog({ level: "error", format: "json" }) })
  const protectedIds = new Set<string>()
  const make = async (name: string, may: Actor["may"], rights: object = {}): Promise<Actor> => {
    const { user } = await accounts.createUser({ username: name, password, ...rights })
    const { id, token } = await accounts.tokens.create(user, { name: "driver" })
    protectedIds.add(user.id).add(id)
    return { name, headers: { authorization: `Bearer ${token}` }, may }
  }
  const admin = await make("admin", "all", { is_admin: true })
  const { token } = await accounts.login({ username: "admin", password, address: "" })
  const cookie = `pagoda_session=${token}`
  const others: Actor[] = [
    await make("alice", "use"),
    await make("bob", "use"),
    await make("reader", "read", { is_readonly: true }),
    { name: "nobody", headers: {}, may: "nothing" },
    { name: "stranger", headers: { authorization: "Bearer pgd_no_such_token" }, may: "nothing" },
    { name: "page", headers: { cookie, "sec-fetch-site": "same-origin" }, may: "all" },
    { name: "other page", headers: { cookie, origin: "https://elsewhere.example" }, may: "look" },
  ]
  await database.close()
  return { actors: [...others, ...Array<Actor>(8).fill(admin)], protectedIds }
}
