import { expect, test } from "bun:test"
import { countBelongings, isEmpty, removeBelongings } from "../../src/plugins/belongings.ts"
import { eachDatabase } from "../support/database.ts"

eachDatabase((_, open) => {
  test("all that the core keeps of a plugin is counted and removed, and nothing of another one", async () => {
    const database = await open()
    const { db, tables } = database
    const time = new Date().toISOString()
    const who = { user_id: "1", username: "alice" }
    for (const id of ["a", "b"]) {
      await db.insert(tables.installed_plugin).values({ plugin_id: id, name: id, version: "1.0.0" })
      await db.insert(tables.plugin_setting).values({ plugin: id, key: "COLOR", value: "red" })
      await db.insert(tables.plugin_dependency).values({ plugin: id, dependency_id: "x", version_constraint: "*" })
      const delivery = { plugin: id, hook: "entry.after_create", position: 0, user_id: "1", payload: {} }
      await db.insert(tables.hook_delivery).values({ ...delivery, run_after: time, created_at: time })
      const repair = { plugin: id, code: "PLUGIN_DISABLED", severity: "info" as const, message: "out", mend: "enable" }
      await db.insert(tables.repair).values({ ...repair, since: time, last_seen: time })
      const schedule = {
        operation: id === "a" ? 1001 : 1002,
        params_digest: "",
        params: {},
        plugin: id,
        cron: "* * * * *",
      }
      await db.insert(tables.job_schedule).values({ ...schedule, ...who, next_at: time })
      for (const status of ["done", "preparing", "processing"] as const) {
        const job = { operation: 1001, operation_name: "TASK", plugin: id, params: {}, status, text: "kept" }
        await db.insert(tables.job).values({ ...job, ...who })
      }
    }
    const full = {
      is_installed: true,
      settings: 1,
      overrides: 0,
      schedules: 1,
      deliveries: 1,
      open_jobs: 2,
      jobs: 3,
      repairs: 1,
    }
    expect(await countBelongings(database, "a")).toEqual(full)
    await removeBelongings(database, "a", { by: { id: "cli:ada", username: "cli:ada" }, gone: full })
    const left = await countBelongings(database, "a")
    expect(isEmpty(left)).toBe(true)
    expect(await countBelongings(database, "b")).toEqual(full)
    expect(await db.select().from(tables.plugin_dependency)).toMatchObject([{ plugin: "b" }])
    const jobs = await db.select().from(tables.job).orderBy(tables.job.id)
    expect(jobs.map(({ plugin, status, text }) => [plugin, status, text])).toEqual([
      [null, "done", "kept"],
      [null, "canceled", "kept"],
      [null, "canceled", "kept"],
      ["b", "done", "kept"],
      ["b", "preparing", "kept"],
      ["b", "processing", "kept"],
    ])
    expect(jobs[1]?.finished_at).toBeString()
    expect(await db.select().from(tables.audit)).toMatchObject([
      { username: "cli:ada", action: "purge", object_type: "plugin", object_id: "a", changes: full },
    ])
  })
})
