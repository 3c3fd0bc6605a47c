import { expect, test } from "bun:test"
import { systemUser } from "../../../src/core/access.ts"
import { createLog } from "../../../src/log.ts"
import { describeLocked } from "../../../src/plugins/describe.ts"
import type { PluginRecord } from "../../../src/plugins/record.ts"
import { toUnfinishedPurge } from "../../../src/plugins/repairs/purge.ts"
import { createStateWatch } from "../../../src/plugins/repairs/states.ts"
import { createRepairs } from "../../../src/plugins/repairs.ts"
import { eachDatabase, type TestDatabase } from "../../support/database.ts"

const log = createLog({ level: "error", format: "json", write: () => {} })

function describe(state: PluginRecord["state"], more: Partial<PluginRecord> = {}): PluginRecord {
  return { ...describeLocked("p", { source: "file:p" }, { state }), ...more }
}

async function openStates(database: TestDatabase) {
  const repairs = createRepairs({ database, log })
  await repairs.begin()
  const states = createStateWatch({ database, repairs, log })
  return {
    repairs,
    async settle(record: PluginRecord, pending = new Map<string, string[]>()) {
      states.settled([record], pending)
      return this.read()
    },
    async read() {
      await states.look()
      const { results } = await repairs.list(systemUser, { limit: 100, offset: 0 })
      return Object.fromEntries(results.map(({ code, message }) => [code, message]))
    },
  }
}

async function addJob({ db, tables }: TestDatabase) {
  const who = { user_id: "1", username: "ada" }
  const job = { operation: 1001, operation_name: "TASK", plugin: "p", params: {}, status: "preparing" as const }
  await db.insert(tables.job).values({ ...job, ...who })
}

eachDatabase((_, open) => {
  test("what waits for a plugin that is out is counted whenever it is asked for, and over when it is back", async () => {
    const database = await open()
    const states = await openStates(database)
    expect(await states.settle(describe("active"))).toEqual({})
    await addJob(database)
    const reason = "an administrator disabled it"
    const out = await states.settle(describe("disabled", { reason }))
    expect(out).toEqual({
      PLUGIN_DISABLED: `Plugin "p" is disabled: ${reason}; its URLs answer 404`,
      JOBS_WAITING: '1 job of plugin "p", which is disabled, waits for it',
    })
    await addJob(database)
    expect((await states.read()).JOBS_WAITING).toBe('2 jobs of plugin "p", which is disabled, wait for it')
    expect(await states.settle(describe("active"))).toEqual({})
  })

  test("one failure follows the other, and what others reported of the plugin stays while that is in the lockfile", async () => {
    const states = await openStates(await open())
    const other = { plugin: "p", code: "SETTING_MISSING", severity: "warning", message: "other", mend: "set" } as const
    await states.repairs.report(other)
    const fail = (code: "IMPORT_FAILED" | "STORE_DAMAGED", at: string) =>
      states.settle(describe("failed", { error: { step: "import", code, message: code, at } }))
    expect(await fail("IMPORT_FAILED", "1")).toEqual({ IMPORT_FAILED: "IMPORT_FAILED", SETTING_MISSING: "other" })
    expect(await fail("STORE_DAMAGED", "2")).toEqual({ STORE_DAMAGED: "STORE_DAMAGED", SETTING_MISSING: "other" })
    expect(await states.settle(describe("active"))).toEqual({ SETTING_MISSING: "other" })
    expect(await states.settle({ ...describe("active"), id: "q" })).toEqual({})
  })

  test("data that was not deleted to its end is told of until its plugin is installed again", async () => {
    const states = await openStates(await open())
    const unfinished = toUnfinishedPurge("q")
    await states.repairs.report(unfinished)
    expect(await states.settle(describe("active"))).toEqual({ PURGE_UNFINISHED: unfinished.message })
    expect(await states.settle({ ...describe("active"), id: "q" })).toEqual({})
  })

  test("hooks that are skipped are told of until the plugin is back, also after a start that never saw them", async () => {
    const database = await open()
    const before = await openStates(database)
    const hook = { name: "entry.after_create", entity: null, priority: 100, durable: false }
    const hooks = [{ ...hook, calls: 0, failures: 0, rejections: 0, timeouts: 0 }]
    await before.settle(describe("active", { hooks }))
    const told = (await before.settle(describe("disabled", { reason: "no" }))).HOOKS_SKIPPED as string
    expect(told).toContain("entry.after_create")
    const after = await openStates(database)
    expect(await after.settle(describe("disabled", { reason: "no" }))).toMatchObject({ HOOKS_SKIPPED: told })
    expect(await after.settle(describe("active", { hooks }))).toEqual({})
  })

  test("what waits for a plugin that is no more in the lockfile is told of, and over with it", async () => {
    const database = await open()
    const states = await openStates(database)
    await database.db.insert(database.tables.installed_plugin).values({ plugin_id: "p", name: "P", version: "1.0.0" })
    const another = { ...describe("active"), id: "q" }
    expect(await states.settle(another)).toEqual({})
    await addJob(database)
    expect(await states.read()).toEqual({
      JOBS_WAITING: '1 job of plugin "p", which is not in the lockfile, waits for it',
    })
    await database.db.update(database.tables.job).set({ status: "canceled" })
    expect(await states.read()).toEqual({})
  })

  test("nothing is over because somebody asks before the plugins are settled", async () => {
    const database = await open()
    const error = { step: "import", code: "IMPORT_FAILED", message: "no", at: "1" } as const
    expect(await (await openStates(database)).settle(describe("failed", { error }))).toEqual({ IMPORT_FAILED: "no" })
    expect(await (await openStates(database)).read()).toEqual({ IMPORT_FAILED: "no" })
  })

  test("a job that still runs while its plugin is out does not wait", async () => {
    const database = await open()
    const states = await openStates(database)
    await addJob(database)
    await database.db.update(database.tables.job).set({ status: "processing" })
    expect((await states.settle(describe("disabled", { reason: "no" }))).JOBS_WAITING).toBeUndefined()
  })

  test("permissions that a plugin asks for and has not are told of while it runs", async () => {
    const states = await openStates(await open())
    const told = await states.settle(describe("active"), new Map([["p", ["jobs:create"]]]))
    expect(told.PERMISSIONS_PENDING).toContain('asks for "jobs:create", which the lockfile does not grant')
    expect(await states.settle(describe("active"))).toEqual({})
  })
})
