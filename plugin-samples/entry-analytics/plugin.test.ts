import { afterEach, beforeEach, expect, test } from "bun:test"
import { type Entity, type Entry, type Json, PluginError } from "@pagoda/sdk"
import { type TestData, type TestPlugin, testPlugin, testUser } from "@pagoda/sdk/testing"
import plugin from "./plugin.ts"

const written = { created_by: "ada", created_at: "2026-01-31T12:00:00.000Z", updated_by: "ada" }
const rule = { is_public: true, default_permission: "nothing" as const, version: 1, ...written }
const now = new Date().toISOString()

const toEntity = (id: number, name: string): Entity => ({
  ...{ id, name, note: "", item_name_pattern: "", attrs: [], is_active: true },
  ...{ ...rule, updated_at: written.created_at },
})
const toEntry = (id: number, name: string, more: Partial<Entry> = {}): Entry => ({
  ...{ id, name, entity: { id: 1, name: "Server" }, attrs: {}, is_active: true },
  ...{ ...rule, updated_at: now, ...more },
})

const entities = [toEntity(1, "Server"), toEntity(2, "Router, old")]
const entries: Record<number, Entry[]> = {
  1: [toEntry(1, "web01"), toEntry(2, 'the "db"', { is_active: false })],
  2: [toEntry(3, "=1+1")],
}

const asked: object[] = []
const data: TestData = {
  entities: {
    get: async (id) => {
      const found = entities.find((entity) => entity.id === id)
      if (found) return found
      throw new PluginError(`There is no entity ${id}`, { code: "NOT_FOUND" })
    },
    list: async () => ({ count: entities.length, results: entities }),
  },
  entries: {
    count: async ({ created_from } = {}) => (created_from === undefined ? 12_000 : 34),
    list: async ({ entity } = {}) => ({ count: 2, results: entries[entity as number] ?? [] }),
    aggregate: async (query) => {
      asked.push(query)
      if (query.entity === 2) return []
      return [{ entity: { id: 1, name: "Server" }, count: 12, active: 10 }]
    },
  },
}

let tested: TestPlugin

beforeEach(async () => {
  asked.splice(0)
  tested = await testPlugin(plugin, { data })
})
afterEach(() => tested.dispose())

test("the summary counts all entries and those of the last 30 days", async () => {
  const response = await tested.request("/analytics/summary")
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({
    total_entries: 12_000,
    recent_entries: 34,
    period: "30 days",
    plugin: "entry-analytics-plugin",
    generated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
  })
})

test("the entries of an entity are counted, also where there are none", async () => {
  const counts = async (id: number) => (await tested.request(`/analytics/entries/${id}`)).json()
  const own = { plugin: "entry-analytics-plugin" }
  expect(await counts(1)).toEqual({
    entity_id: 1,
    entity_name: "Server",
    total_entries: 12,
    active_entries: 10,
    ...own,
  })
  expect(await counts(2)).toMatchObject({ entity_name: "Router, old", total_entries: 0, active_entries: 0 })
})

test("an entity that is not there is 404", async () => {
  const response = await tested.request("/analytics/entries/99")
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ error: "Entity not found", plugin: "entry-analytics-plugin" })
})

test("the report is queued and counts the entries of its days by entity", async () => {
  const response = await tested.request("/analytics/report", { json: { report_type: "monthly", days: 7 } })
  expect(response.status).toBe(201)
  expect(await response.json()).toEqual({
    job_id: 1,
    status: "queued",
    message: "Analytics report generation started",
    plugin: "entry-analytics-plugin",
  })
  const [job] = await tested.runJobs()
  const report = JSON.parse(job?.text ?? "")
  expect(report).toEqual({
    report_type: "monthly",
    date_range: { start: expect.any(String), end: expect.any(String), days: 7 },
    summary: { total_entries: 12, entities_analyzed: 1 },
    entity_breakdown: { Server: { count: 12, active: 10 } },
    generated_at: expect.any(String),
    plugin: "entry-analytics-plugin",
  })
  const { start, end } = report.date_range
  expect(Date.parse(end) - Date.parse(start)).toBe(7 * 24 * 60 * 60 * 1000)
  expect(asked).toEqual([{ group_by: "entity", created_from: start, created_to: end }])
})

test("a report is about 30 days unless it is told otherwise", async () => {
  const { text } = await tested.runJob(1101)
  expect(JSON.parse(text ?? "")).toMatchObject({ report_type: "summary", date_range: { days: 30 } })
})

test("an export as JSON has the chosen entities, and says which it left out", async () => {
  const response = await tested.request("/analytics/export", { json: { format: "json", entity_ids: [1, 9] } })
  expect(response.status).toBe(201)
  expect(await response.json()).toMatchObject({ job_id: 1, status: "queued", plugin: "entry-analytics-plugin" })
  const [job] = await tested.runJobs()
  expect(job).toMatchObject({ operation_name: "EXPORT_ANALYTICS_DATA", status: "done", downloadable: true })
  const { created_at } = written
  expect(JSON.parse(job?.text ?? "")).toEqual([
    {
      entity_id: 1,
      entity_name: "Server",
      entries: [
        { id: 1, name: "web01", created_at, is_active: true },
        { id: 2, name: 'the "db"', created_at, is_active: false },
      ],
    },
  ])
  expect(job?.logs.map(({ message }) => message)).toEqual(["Entity 9 is left out: it is not found"])
})

test("an export as CSV has one line an entry, of all entities where none is chosen, and no formula", async () => {
  const { text, reports } = await tested.runJob(1102, { format: "csv" })
  expect(text?.split("\n")).toEqual([
    "Entity ID,Entity Name,Entry ID,Entry Name,Created At,Is Active",
    "1,Server,1,web01,2026-01-31T12:00:00.000Z,true",
    '1,Server,2,"the ""db""",2026-01-31T12:00:00.000Z,false',
    `2,"Router, old",3,'=1+1,2026-01-31T12:00:00.000Z,true`,
    "",
  ])
  expect(reports).toEqual([
    { progress: 0, message: "Exporting Server" },
    { progress: 50, message: "Exporting Router, old" },
  ])
})

test("what does not fit is refused", async () => {
  for (const [path, json] of [
    ["report", { days: 0 }],
    ["report", { report_type: 1 }],
    ["export", { format: "xml" }],
    ["export", { entity_ids: ["Server"] }],
  ] satisfies [string, Json][]) {
    expect((await tested.request(`/analytics/${path}`, { json })).status).toBe(422)
  }
  expect(tested.jobs).toEqual([])
})

const admin = { ...testUser, is_admin: true }
const activity = async (user = admin) => (await tested.request("/analytics/activity", { user })).json()
const entity = { id: 1, name: "Server" }

test("writes are recorded, each once however often the hook is told, for administrators to see", async () => {
  const entry = toEntry(1, "web01")
  await tested.runHook("entry.after_create", { entity, entry })
  await tested.runHook("entry.after_create", { entity, entry })
  await tested.runHook("entry.after_update", { entity, entry: { ...entry, version: 2 } })
  await tested.runHook("entry.after_update", { entity, entry: { ...entry, version: 3 } })
  expect(await activity()).toEqual({ created: 1, updated: 2, period: "30 days", plugin: "entry-analytics-plugin" })
  expect((await tested.request("/analytics/activity")).status).toBe(403)
})

test("nothing is recorded while ENABLE_REAL_TIME_TRACKING is off", async () => {
  await tested.changeSettings({ ENABLE_REAL_TIME_TRACKING: false })
  await tested.runHook("entry.after_create", { entity, entry: toEntry(1, "web01") })
  await tested.changeSettings({ ENABLE_REAL_TIME_TRACKING: null })
  await tested.runHook("entry.after_create", { entity, entry: toEntry(2, "web02") })
  expect(await activity()).toMatchObject({ created: 1, updated: 0 })
})

test("the nightly clean-up deletes what is older than ANALYTICS_RETENTION_DAYS", async () => {
  expect(tested.schedules).toMatchObject([{ operation: 1103, cron: "15 3 * * *", user: null }])
  const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 60 * 60 * 1000).toISOString()
  await tested.runHook("entry.after_create", { entity, entry: toEntry(1, "old", { updated_at: daysAgo(366) }) })
  await tested.runHook("entry.after_create", { entity, entry: toEntry(2, "recent", { updated_at: daysAgo(9) }) })
  await tested.runHook("entry.after_create", { entity, entry: toEntry(3, "new") })
  const cleanUp = async () => JSON.parse((await tested.runJob(1103)).text ?? "")
  expect(await cleanUp()).toEqual({ deleted: 1, retention_days: 365 })
  await tested.changeSettings({ ANALYTICS_RETENTION_DAYS: 7 })
  expect(await cleanUp()).toEqual({ deleted: 1, retention_days: 7 })
  expect(await activity()).toMatchObject({ created: 1 })
})

test("nobody is answered without credentials", async () => {
  for (const path of ["summary", "entries/1", "activity"]) {
    expect((await tested.request(`/analytics/${path}`, { user: null })).status).toBe(401)
  }
})
