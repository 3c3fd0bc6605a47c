import { expect, test } from "bun:test"
import { systemUser } from "../../../src/core/access.ts"
import { createLog } from "../../../src/log.ts"
import { describeLocked } from "../../../src/plugins/describe.ts"
import type { PluginRecord } from "../../../src/plugins/record.ts"
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

  test("permissions that a plugin asks for and has not are told of while it runs", async () => {
    const states = await openStates(await open())
    const told = await states.settle(describe("active"), new Map([["p", ["jobs:create"]]]))
    expect(told.PERMISSIONS_PENDING).toContain('asks for "jobs:create", which the lockfile does not grant')
    expect(await states.settle(describe("active"))).toEqual({})
  })
})
