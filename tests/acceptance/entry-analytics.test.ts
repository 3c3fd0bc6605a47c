import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync } from "node:fs"
import { join } from "node:path"
import { eq } from "drizzle-orm"
import { openDatabase } from "../../src/db/database.ts"
import { type Dialect, dialects } from "../support/database.ts"
import { makeFolder, removeFolders } from "../support/folder.ts"
import { askUntil, startTestHost, type TestHost } from "../support/host.ts"
import { addEntries } from "../support/many-entries.ts"
import { runPagoda } from "../support/pagoda.ts"
import { createPostgresDatabase, type PostgresDatabase } from "../support/postgres.ts"

const id = "entry-analytics-plugin"
const own = `/api/v2/plugins/${id}/analytics`
const password = "correct horse battery staple"
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

afterAll(removeFolders)

for (const dialect of dialects) describe(dialect, () => tellStory(dialect))

function tellStory(dialect: Dialect): void {
  let folder: string
  let env: Record<string, string> = {}
  let host: TestHost
  let database: PostgresDatabase | undefined
  let ana: string
  let server: number
  let vault: number

  const pagoda = (...args: string[]) => runPagoda(args, { cwd: folder, env })
  const start = async () => {
    host = await startTestHost({ cwd: folder, env })
    expect((await host.ask(`/api/v2/plugins/${id}`)).body).toMatchObject({ state: "active" })
  }
  const make = async (path: string, body: unknown, method?: string) => {
    const answer = await host.ask(`/api/v2${path}`, { body, method })
    if (answer.status >= 300) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const end = async (job: number) =>
    askUntil(host, `/api/v2/jobs/${job}`, ({ finished_at }) => finished_at !== null, 30_000)
  /** The job that a route queued, once it has ended. */
  const run = async (path: string, body: object, token?: string) => {
    const queued = await host.ask(`${own}/${path}`, { body, token })
    expect(queued).toMatchObject({ status: 201, body: { status: "queued", plugin: id } })
    expect(Object.keys(queued.body)).toEqual(["job_id", "status", "message", "plugin"])
    const job = await end(queued.body.job_id)
    expect(job).toMatchObject({ status: "done", error: null, progress: 100, plugin: id })
    return { ...job, queued: queued.body }
  }
  const download = (job: { id: number }, token?: string) => host.ask(`/api/v2/jobs/${job.id}/download`, { token })
  const activity = async () => (await host.ask(`${own}/activity`)).body
  const untilActivity = (created: number, updated: number) =>
    askUntil(host, `${own}/activity`, (seen) => seen.created === created && seen.updated === updated)
  const change = (settings: object) => make(`/admin/plugins/${id}/settings`, settings, "PATCH")
  /** How often the two hooks have been told since the host started. */
  const untilTold = (calls: number) =>
    askUntil(host, `/api/v2/plugins/${id}`, ({ hooks }) => hooks[0].calls + hooks[1].calls === calls)

  beforeAll(async () => {
    if (dialect === "postgres") database = await createPostgresDatabase()
    if (database) env = { DATABASE_URL: database.url }
    folder = await makeFolder()
    const sample = join(import.meta.dir, "../../plugin-samples/entry-analytics")
    cpSync(sample, join(folder, "entry-analytics"), { recursive: true })
    const added = await pagoda("plugin", "add", "./entry-analytics", "--yes")
    expect([added.exitCode, added.stderr]).toEqual([0, ""])
    await start()
    await make("/users", { username: "ana", password })
    ana = (await make("/auth/login", { username: "ana", password })).token
  }, 60_000)

  afterAll(async () => {
    await host?.stop()
    await database?.drop()
  })

  test("it offers what it says", async () => {
    const { body } = await host.ask(`/api/v2/plugins/${id}`)
    expect(body).toMatchObject({
      permissions: ["entities:read", "entries:read", "jobs:create", "db"],
      jobs: [
        { number: 1101, name: "GENERATE_ANALYTICS_REPORT" },
        { number: 1102, name: "EXPORT_ANALYTICS_DATA" },
        { number: 1103, name: "CLEAN_UP_ANALYTICS" },
      ],
      hooks: [
        { name: "entry.after_create", durable: true },
        { name: "entry.after_update", durable: true },
      ],
    })
    expect((await host.ask(`/api/v2/admin/plugins/${id}/settings`)).body).toMatchObject({
      ANALYTICS_RETENTION_DAYS: 365,
      ENABLE_REAL_TIME_TRACKING: true,
    })
    for (const path of ["summary", "entries/1", "activity"]) {
      expect(await host.ask(`${own}/${path}`, { token: null })).toMatchObject({ status: 401 })
    }
  })

  test("the summary and an entity's counts show what the caller may read, and nothing more", async () => {
    server = (await make("/entities", { name: "Server" })).id
    vault = (await make("/entities", { name: "Vault", is_public: false })).id
    const web = await make(`/entities/${server}/entries`, { name: "web01" })
    const old = await make(`/entities/${server}/entries`, { name: 'the "old", one' })
    const closed = await make(`/entities/${server}/entries`, { name: "closed" })
    await make(`/entities/${vault}/entries`, { name: "gold" })
    await make(`/entries/${closed.id}/acl`, { is_public: false, default_permission: "nothing", roles: [] }, "PUT")
    await make(`/entries/${old.id}`, undefined, "DELETE")
    await make(`/entries/${web.id}`, { name: "web02" }, "PATCH")

    const summary = await host.ask(`${own}/summary`)
    expect(summary).toMatchObject({ status: 200 })
    expect(summary.body).toEqual({
      total_entries: 4,
      recent_entries: 4,
      period: "30 days",
      plugin: id,
      generated_at: time,
    })
    expect((await host.ask(`${own}/summary`, { token: ana })).body).toMatchObject({
      total_entries: 2,
      recent_entries: 2,
    })
    expect((await host.ask(`${own}/entries/${server}`)).body).toEqual({
      entity_id: server,
      entity_name: "Server",
      total_entries: 3,
      active_entries: 2,
      plugin: id,
    })
    expect((await host.ask(`${own}/entries/${server}`, { token: ana })).body).toMatchObject({
      total_entries: 2,
      active_entries: 1,
    })
    expect((await host.ask(`${own}/entries/${vault}`)).body).toMatchObject({ total_entries: 1 })
  })

  test("an entity that is not there is 404 with a problem document, and so is one that may not be read", async () => {
    const missing = await host.ask(`${own}/entries/${vault}`, { token: ana })
    expect(missing).toMatchObject({
      status: 404,
      type: "application/problem+json",
      body: { status: 404, code: "NOT_FOUND", error: "Entity not found", plugin: id },
    })
    expect(await host.ask(`${own}/entries/999999`)).toEqual(missing)
    expect(await host.ask(`${own}/entries/server`)).toMatchObject({ status: 422, body: { plugin: id } })
  })

  test("a report counts by entity what the one who asked may read", async () => {
    const job = await run("report", { report_type: "monthly", days: 7 })
    expect(job.queued.message).toBe("Analytics report generation started")
    expect(job).toMatchObject({ operation: 1101, operation_name: "GENERATE_ANALYTICS_REPORT" })
    const report = JSON.parse(job.text)
    expect(report).toEqual({
      report_type: "monthly",
      date_range: { start: time, end: time, days: 7 },
      summary: { total_entries: 4, entities_analyzed: 2 },
      entity_breakdown: { Server: { count: 3, active: 2 }, Vault: { count: 1, active: 1 } },
      generated_at: time,
      plugin: id,
    })
    expect(JSON.parse((await run("report", {}, ana)).text)).toMatchObject({
      report_type: "summary",
      date_range: { days: 30 },
      summary: { total_entries: 2, entities_analyzed: 1 },
      entity_breakdown: { Server: { count: 2, active: 1 } },
    })
    expect(await host.ask(`${own}/report`, { body: { days: "7" } })).toMatchObject({
      status: 422,
      body: { errors: [{ path: "days" }], plugin: id },
    })
  })

  test("an export has the chosen entities as JSON or CSV to download, and no entry that may not be read", async () => {
    const all = await run("export", { format: "json", entity_ids: [vault, server] })
    expect(all).toMatchObject({ operation: 1102, operation_name: "EXPORT_ANALYTICS_DATA", downloadable: true })
    const { body } = await download(all)
    expect(body).toEqual(JSON.parse(all.text))
    expect(body).toEqual([
      {
        entity_id: vault,
        entity_name: "Vault",
        entries: [{ id: expect.any(Number), name: "gold", created_at: time, is_active: true }],
      },
      {
        entity_id: server,
        entity_name: "Server",
        entries: [
          { id: expect.any(Number), name: "web02", created_at: time, is_active: true },
          { id: expect.any(Number), name: 'the "old", one', created_at: time, is_active: false },
          { id: expect.any(Number), name: "closed", created_at: time, is_active: true },
        ],
      },
    ])

    const some = await run("export", { format: "csv", entity_ids: [vault, server] }, ana)
    const { body: csv } = await download(some, ana)
    const [web, old] = JSON.parse(all.text)[1].entries
    expect(csv).toBe(
      [
        "Entity ID,Entity Name,Entry ID,Entry Name,Created At,Is Active",
        `${server},Server,${web.id},web02,${web.created_at},true`,
        `${server},Server,${old.id},"the ""old"", one",${old.created_at},false`,
        "",
      ].join("\n"),
    )
    expect(await download(some, ana)).toMatchObject({ status: 200 })
    expect((await download(all, ana)).status).toBe(404)
    expect(JSON.parse((await run("export", { format: "json" }, ana)).text)).toHaveLength(1)
    expect((await host.ask(`${own}/export`, { body: { format: "xml" } })).status).toBe(422)
  })

  test("the hooks record what is written, for administrators to see", async () => {
    expect(await untilActivity(4, 1)).toEqual({ created: 4, updated: 1, period: "30 days", plugin: id })
    expect(await host.ask(`${own}/activity`, { token: ana })).toMatchObject({ status: 403, body: { plugin: id } })
  })

  test("nothing is recorded while tracking is off, which takes no restart", async () => {
    const { hooks } = (await host.ask(`/api/v2/plugins/${id}`)).body
    const before = hooks[0].calls + hooks[1].calls
    await change({ ENABLE_REAL_TIME_TRACKING: false })
    const unseen = await make(`/entities/${server}/entries`, { name: "unseen" })
    await make(`/entries/${unseen.id}`, { name: "still unseen" }, "PATCH")
    await untilTold(before + 2)
    expect(await activity()).toMatchObject({ created: 4, updated: 1 })
    await change({ ENABLE_REAL_TIME_TRACKING: true })
    await make(`/entities/${server}/entries`, { name: "seen" })
    expect(await untilActivity(5, 1)).toMatchObject({ created: 5, updated: 1 })
  })

  test("the nightly clean-up runs by its schedule and keeps what is young; ten thousand entries are counted at once", async () => {
    await change({ ANALYTICS_RETENTION_DAYS: 7 })
    await host.stop()
    await prepareNight()
    await start()
    const list = `/api/v2/jobs?all_users=true&hidden=true&operation=1103`
    const { results } = await askUntil(host, list, (page) => page.results[0]?.finished_at)
    expect(results).toMatchObject([{ status: "done", operation_name: "CLEAN_UP_ANALYTICS" }])
    expect(JSON.parse(results[0].text)).toEqual({ deleted: 0, retention_days: 7 })
    expect(await activity()).toMatchObject({ created: 5, updated: 1 })

    const { body } = await host.ask(`${own}/summary`)
    expect(body).toMatchObject({ total_entries: 10_006, recent_entries: 10_006 })
    const csv = await download(await run("export", { format: "csv", entity_ids: [server] }))
    expect(csv.body.trimEnd().split("\n")).toHaveLength(1 + 10_005)
  }, 60_000)

  test("removed it keeps its data, purged it begins anew", async () => {
    await host.stop()
    expect((await pagoda("plugin", "remove", id, "--yes")).exitCode).toBe(0)
    const again = async () => {
      const added = await pagoda("plugin", "add", "./entry-analytics", "--yes")
      expect([added.exitCode, added.stderr]).toEqual([0, ""])
      await start()
    }
    await again()
    expect(await activity()).toMatchObject({ created: 5, updated: 1 })

    await host.stop()
    const purged = await pagoda("plugin", "remove", id, "--purge", "--yes")
    expect([purged.exitCode, purged.stderr]).toEqual([0, ""])
    expect(purged.stdout).toContain("activity: 6 rows")
    await again()
    expect(await activity()).toMatchObject({ created: 0, updated: 0 })
    const { body: settings } = await host.ask(`/api/v2/admin/plugins/${id}/settings`)
    expect(settings).toMatchObject({ ANALYTICS_RETENTION_DAYS: 365 })
    await make(`/entities/${vault}/entries`, { name: "silver" })
    expect(await untilActivity(1, 0)).toMatchObject({ created: 1 })
    expect((await run("report", {})).text).toContain('"Vault"')
  }, 60_000)

  /** Makes the clean-up due, and ten thousand entries. */
  async function prepareNight(): Promise<void> {
    const opened = await openDatabase({ url: database?.url, file: join(folder, ".pagoda/pagoda.db") })
    try {
      const { job_schedule: schedule } = opened.tables
      const due = await opened.db
        .update(schedule)
        .set({ next_at: "2026-01-01T00:00:00.000Z" })
        .where(eq(schedule.operation, 1103))
        .returning()
      expect(due).toMatchObject([{ plugin: id, cron: "15 3 * * *" }])
      await addEntries(opened, server, 10_000)
    } finally {
      await opened.close()
    }
  }
}
