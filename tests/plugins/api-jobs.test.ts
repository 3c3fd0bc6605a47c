import { expect, test } from "bun:test"
import { job, t, type User } from "@pagoda/sdk"
import { createLog } from "../../src/log.ts"
import { createApiFor } from "../../src/plugins/api.ts"
import { withJobLog } from "../../src/plugins/api-job-log.ts"
import { createLimits } from "../../src/plugins/limits.ts"
import { toOperation } from "../../src/plugins/operation.ts"
import { eachDatabase, type OpenTestDatabase } from "../support/database.ts"
import { alice, finish, openTestJobs, root, toOperation as toTestOperation } from "../support/jobs.ts"

const greet = job({
  name: "GREET",
  params: t.Object({ name: t.String({ default: "you" }) }),
  run: async ({ params, user }) => `Hello ${params.name} from ${user.username}`,
})

async function openApi(open: OpenTestDatabase, permissions = ["jobs:create"]) {
  const database = await open()
  const foreign = toTestOperation({ number: 900, plugin: "other", run: async () => {} })
  const jobs = await openTestJobs(database, [foreign])
  const lines: string[] = []
  const apiFor = createApiFor({
    id: "p",
    granted: new Set(permissions),
    settings: { current: {}, set: async () => {} },
    files: new Map() as never,
    core: { users: jobs.users } as never,
    db: {} as never,
    jobs,
    operations: jobs.operations,
    register: (number, definition) =>
      void jobs.operations.register(
        toOperation("p", number, definition, { apiFor: (user: User) => apiFor(user), work: ({ here }) => here() }),
      ),
    env: {},
    limits: createLimits().of("p"),
    log: createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) }),
  })
  const schedules = () => database.db.select().from(database.tables.job_schedule)
  return { jobs, api: apiFor(alice), apiFor, schedules, lines, [Symbol.asyncDispose]: jobs[Symbol.asyncDispose] }
}

eachDatabase((_dialect, open) => {
  test("api.jobs.register adds an operation whose jobs can be made, listed and read", async () => {
    await using host = await openApi(open)
    await host.apiFor(null).jobs.register(800, greet)
    const { id } = await host.api.jobs.create({ operation: 800, params: { name: "Ada" } })
    expect(await finish(host.jobs, id)).toMatchObject({ status: "done", text: "Hello Ada from alice", plugin: "p" })
    expect(await host.api.jobs.list({ status: "done" })).toMatchObject({ count: 1, results: [{ id }] })
    expect(await host.api.jobs.get(id)).toMatchObject({ id })
    await expect(host.apiFor(root).jobs.create({ operation: 900 })).rejects.toMatchObject({ path: "operation" })
  })

  test("api.jobs.register refuses a number that is taken, and names both, and what is no job", async () => {
    await using host = await openApi(open)
    await host.api.jobs.register(800, greet)
    for (const [number, owner] of [
      [800, "p"],
      [900, "other"],
    ] as const) {
      const refused = host.api.jobs.register(number, greet)
      await expect(refused).rejects.toMatchObject({
        code: "JOB_NUMBER_TAKEN",
        message: expect.stringMatching(new RegExp(`${number}.*plugin "p": plugin "${owner}"`)),
      })
    }
    for (const wrong of [
      [199, greet],
      [10_000, greet],
      [1.5, greet],
      ["x", greet],
      [801, { name: "X" }],
      [801, null],
      [801, { ...greet, name: "" }],
      [801, { ...greet, retention_days: 0 }],
    ]) {
      const refused = host.api.jobs.register(...(wrong as [number, typeof greet]))
      await expect(refused).rejects.toMatchObject({ name: "PluginValidationError", code: "PLUGIN_INVALID" })
    }
  })

  test("api.jobs.create refuses what is no plain JSON by name, whatever its type", async () => {
    await using host = await openApi(open)
    await host.api.jobs.register(800, job({ name: "ANY", run: async () => "done" }))
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    let deep = {}
    for (let depth = 0; depth < 5_000; depth++) deep = { deep }
    const wrong = [{ f: () => 1 }, { n: 1n }, { n: Number.NaN }, cyclic, deep].map((params) => ({
      operation: 800,
      params,
    }))
    for (const request of [...wrong, null, undefined, "800", { operation: "800" }]) {
      const refused = host.api.jobs.create(request as never)
      await expect(refused).rejects.toMatchObject({ name: "PluginValidationError", code: "VALIDATION_FAILED" })
    }
    expect(await host.api.jobs.list()).toMatchObject({ count: 0 })
  })

  test("api.jobs.schedule keeps who called it, or nobody, and takes back with null", async () => {
    await using host = await openApi(open)
    await host.api.jobs.register(800, greet)
    await host.api.jobs.schedule(800, "*/5 * * * *")
    await host.apiFor(null).jobs.schedule(800, "@daily", { name: "all" })
    const found = (await host.schedules()).map(({ cron, username, plugin }) => ({ cron, username, plugin }))
    expect(found.toSorted((a, b) => a.cron.localeCompare(b.cron))).toEqual([
      { cron: "@daily", username: "system", plugin: "p" },
      { cron: "*/5 * * * *", username: "alice", plugin: "p" },
    ])
    await host.api.jobs.schedule(800, null)
    await host.api.jobs.schedule(800, null, { name: "all" })
    expect(await host.schedules()).toEqual([])
  })

  test("api.jobs.schedule needs the grant, an operation of the plugin, a schedule and params that fit", async () => {
    await using host = await openApi(open)
    await host.api.jobs.register(800, greet)
    const { schedule } = host.api.jobs
    await expect(schedule(900, "@daily")).rejects.toMatchObject({ path: "operation" })
    await expect(schedule(800, "soon")).rejects.toMatchObject({
      name: "PluginValidationError",
      code: "SCHEDULE_INVALID",
    })
    await expect(schedule(800, 5 as never)).rejects.toMatchObject({ code: "VALIDATION_FAILED" })
    await expect(schedule(800, "@daily", { name: 1 })).rejects.toMatchObject({ path: "params.name" })
    await expect(schedule(800, "@daily", { name: 1n } as never)).rejects.toMatchObject({ code: "VALIDATION_FAILED" })
    await using poor = await openApi(open, [])
    const refused = poor.api.jobs.schedule(800, "@daily")
    await expect(refused).rejects.toMatchObject({ name: "PluginSecurityError", code: "PERMISSION_MISSING" })
  })

  test("what a job says by api.log is kept with it and in the host's log, whoever it acts for", async () => {
    await using host = await openApi(open, ["system"])
    const said: unknown[] = []
    const api = withJobLog(host.api, (level, message, fields) => said.push([level, message, fields]))
    await api.log.info("one", { n: 1 })
    await (await api.asSystem()).log.warn("two")
    expect(said).toEqual([
      ["info", "one", { n: 1 }],
      ["warn", "two", undefined],
    ])
    expect(host.lines.map((line) => JSON.parse(line).message)).toEqual(["one", "two"])
  })
})
