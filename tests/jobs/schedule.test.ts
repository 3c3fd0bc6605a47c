import { expect, test } from "bun:test"
import { type Json, t } from "@pagoda/sdk"
import { systemUser } from "../../src/core/access.ts"
import type { Database } from "../../src/db/database.ts"
import type { Jobs } from "../../src/jobs/jobs.ts"
import { eachDatabase } from "../support/database.ts"
import { alice, finish, openTestJobs, root, toOperation } from "../support/jobs.ts"

const whoami = toOperation({
  params: t.Object({ message: t.String({ default: "Hello" }) }),
  run: async ({ user, params }) => ({ id: user.id, is_admin: user.is_admin, is_readonly: user.is_readonly, params }),
})
const nightly = { operation: 1001, plugin: "sample", cron: "30 3 * * *", user: alice }

const rows = ({ db, tables: { job_schedule } }: Database) => db.select().from(job_schedule)
const all = (jobs: Jobs) => jobs.list(root, { limit: 100, offset: 0, all_users: true, hidden: true })

/** As if its time had come, and every process had just looked. */
async function makeDue({ db, signals, tables: { job_schedule } }: Database): Promise<void> {
  await db.update(job_schedule).set({ next_at: "2001-01-01T00:00:00.000Z" }).returning()
  await signals.publish("job_schedules", "due")
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await Bun.sleep(5)
  }
}

const theJob = (jobs: Jobs) => until(async () => (await all(jobs)).results[0])

eachDatabase((dialect, open) => {
  test("what is due becomes a job of who scheduled it, once for all the runs that were missed", async () => {
    const database = await open()
    await using jobs = await openTestJobs(database, [whoami])
    await jobs.schedule({ ...nightly, params: { message: "Good night" } })
    const [made] = await rows(database)
    expect(made).toMatchObject({ operation: 1001, plugin: "sample", cron: "30 3 * * *", user_id: alice.id })
    expect(made?.next_at).toMatch(/T03:30:00\.000Z$/)
    await makeDue(database)
    const { id } = await theJob(jobs)
    const done = await finish(jobs, id)
    expect(done).toMatchObject({ status: "done", user: { id: alice.id, username: "alice" } })
    expect(JSON.parse(done.text ?? "")).toMatchObject({ id: alice.id, params: { message: "Good night" } })
    await until(async () => (await rows(database)).find(({ next_at }) => next_at === made?.next_at))
    expect((await all(jobs)).count).toBe(1)
  })

  test("the same schedule again changes nothing, another time is taken, other params are another schedule", async () => {
    const database = await open()
    await using jobs = await openTestJobs(database, [whoami])
    await jobs.schedule({ ...nightly, params: { message: "a" } })
    const { db, tables } = database
    const missed = "2001-01-01T00:00:00.000Z"
    await jobs.close({ grace_ms: 0 })
    await db.update(tables.job_schedule).set({ next_at: missed })
    await jobs.schedule({ ...nightly, params: { message: "a" } })
    expect(await rows(database)).toMatchObject([{ next_at: missed }])
    await jobs.schedule({ ...nightly, params: { message: "a" }, user: root })
    expect(await rows(database)).toMatchObject([{ next_at: missed, username: "root" }])
    await jobs.schedule({ ...nightly, cron: "@hourly", params: { message: "a" } })
    await jobs.schedule({ ...nightly, params: { message: "b" } })
    const found = await rows(database)
    expect(found.map(({ cron }) => cron).sort()).toEqual(["30 3 * * *", "@hourly"])
    expect(found.every(({ next_at }) => next_at > missed)).toBe(true)
    await jobs.schedule({ ...nightly, plugin: "other", cron: null, params: { message: "b" } })
    await jobs.schedule({ ...nightly, cron: null, params: { message: "b" } })
    expect((await rows(database)).map(({ cron }) => cron)).toEqual(["@hourly"])
  })

  test("the order of the params' members says nothing, an array is no object", async () => {
    const database = await open()
    const any = toOperation({ params: t.Any(), run: async () => {} })
    await using jobs = await openTestJobs(database, [any])
    const all: Json[] = [{ a: 1, b: { c: 2, d: [] } }, { b: { d: [], c: 2 }, a: 1 }, [["a", 1]], { a: 1 }]
    for (const params of all) {
      await jobs.schedule({ ...nightly, params })
    }
    expect(await rows(database)).toHaveLength(3)
  })

  test("without a user a job may do nothing but read, or everything where its plugin may", async () => {
    for (const system of [false, true]) {
      const database = await open()
      await using jobs = await openTestJobs(database, [{ ...whoami, system }])
      await jobs.schedule({ ...nightly, user: systemUser })
      await makeDue(database)
      const done = await finish(jobs, (await theJob(jobs)).id)
      expect(done.user).toEqual({ id: "system", username: "system" })
      expect(JSON.parse(done.text ?? "")).toMatchObject({ id: "system", is_admin: system, is_readonly: !system })
    }
  })

  test("while its operation is not there a schedule waits; once it is back it is run, once", async () => {
    const database = await open()
    await using jobs = await openTestJobs(database)
    const undo = jobs.operations.register(whoami)
    await jobs.schedule(nightly)
    undo()
    await makeDue(database)
    const other = toOperation({ number: 1002, run: async () => {} })
    jobs.operations.register(other)
    // its number is another plugin's meanwhile
    const leave = jobs.operations.register(toOperation({ plugin: "other", run: async () => {} }))
    await makeDue(database)
    await finish(jobs, (await jobs.create({ operation: 1002, user: alice })).id)
    expect((await all(jobs)).count).toBe(1)
    leave()
    jobs.operations.register(whoami)
    await until(async () => ((await all(jobs)).count === 2 ? true : undefined))
  })

  test("what no job is needed for makes none, and params that fit no more end one as an error", async () => {
    const database = await open()
    const jobs = await openTestJobs(database, [{ ...whoami, isNeeded: async () => false }])
    await jobs.schedule(nightly)
    await makeDue(database)
    await until(async () => (await rows(database)).find(({ next_at }) => next_at > "2002"))
    expect((await all(jobs)).count).toBe(0)
    await jobs[Symbol.asyncDispose]()
    await using stricter = await openTestJobs(database, [
      toOperation({ number: 1001, params: t.Object({ wanted: t.String() }), run: async () => {} }),
    ])
    await makeDue(database)
    const job = await finish(stricter, (await theJob(stricter)).id)
    expect(job).toMatchObject({ status: "error", error: expect.stringContaining("params.wanted") })
  })

  test("what is no schedule, an unknown operation and params that do not fit are refused", async () => {
    await using jobs = await openTestJobs(await open(), [whoami])
    for (const cron of ["", "* * * *", "60 * * * *", "* * * * * *", "0 0 30 2 *", "never", "*".repeat(300)]) {
      await expect(jobs.schedule({ ...nightly, cron })).rejects.toMatchObject({
        code: "SCHEDULE_INVALID",
        issues: [{ path: "cron" }],
      })
    }
    await expect(jobs.schedule({ ...nightly, operation: 1009 })).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(jobs.schedule({ ...nightly, plugin: "other" })).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(jobs.schedule({ ...nightly, params: { message: 1 } })).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
    })
  })

  if (dialect === "sqlite") return

  test("of several processes one makes the job", async () => {
    const place = await open.place()
    const first = await open({ place })
    const replicas = [await openTestJobs(first, [whoami])]
    for (let more = 0; more < 3; more++) {
      replicas.push(await openTestJobs(await open({ place, migrate: false }), [whoami]))
    }
    const [one] = replicas as [Awaited<ReturnType<typeof openTestJobs>>]
    await one.schedule(nightly)
    for (let round = 1; round <= 5; round++) {
      await makeDue(first)
      await until(async () => (await rows(first)).find(({ next_at }) => next_at > "2002"))
      await until(async () => ((await all(one)).count === round ? true : undefined))
    }
    for (const jobs of replicas) await jobs[Symbol.asyncDispose]()
    expect(await first.db.$count(first.tables.job)).toBe(5)
  })
})
