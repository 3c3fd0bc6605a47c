import { expect, test } from "bun:test"
import { inArray } from "drizzle-orm"
import { cleanUpNumber, registerCleanUp } from "../../src/jobs/clean-up.ts"
import { eachDatabase } from "../support/database.ts"
import { alice, finish, openTestJobs, root, toOperation } from "../support/jobs.ts"

const day = 24 * 3600 * 1000

eachDatabase((_dialect, open) => {
  test("a job that has ended expires after the days that its operation says, one that waits never does", async () => {
    const database = await open()
    const { db, tables } = database
    const gate = Promise.withResolvers<void>()
    await using jobs = await openTestJobs(database, [
      toOperation({ run: async () => {} }),
      toOperation({ number: 1002, retention_days: 3, run: async () => Promise.reject(new Error("no")) }),
      toOperation({ number: 1003, run: () => gate.promise }),
    ])
    const ids = []
    for (const operation of [1001, 1002, 1003]) ids.push((await jobs.create({ operation, user: alice })).id)
    await finish(jobs, ids[0] as number)
    await finish(jobs, ids[1] as number)
    const rows = await db.select().from(tables.job).orderBy(tables.job.id)
    const days = rows.map(({ expires_at, finished_at }) =>
      expires_at === null ? null : Math.round((Date.parse(expires_at) - Date.parse(finished_at as string)) / day),
    )
    expect(days).toEqual([90, 3, null])
    await jobs.rerun(ids[0] as number, alice)
    gate.resolve()
  })

  test("what has expired is removed with its parts, lines and uploads, and nothing else", async () => {
    const database = await open()
    const { db, tables } = database
    const operation = toOperation({
      downloadable: true,
      run: async ({ log }) => {
        log("info", "a line")
        return "x".repeat(2 * 1024 * 1024)
      },
    })
    await using jobs = await openTestJobs(database, [operation])
    const undo = await registerCleanUp({ database, operations: jobs.operations, jobs })
    const ids = []
    for (let index = 0; index < 3; index++) {
      const { id } = await jobs.create({ operation: 1001, user: alice })
      await finish(jobs, id)
      ids.push(id)
    }
    const old = ids.slice(0, 2)
    await db.update(tables.job).set({ expires_at: "2001-01-01T00:00:00.000Z" }).where(inArray(tables.job.id, old))
    for (const job_id of ids) {
      const [made] = await db.insert(tables.job_import).values({ errors: [], job_id }).returning()
      await db
        .insert(tables.job_import_part)
        .values(Array.from({ length: 50 }, (_, index) => ({ import_id: made?.id as number, index, content: "x" })))
    }
    // the end of a try that was killed while it wrote
    const { id: left } = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, left)
    await db
      .update(tables.job)
      .set({ parts: 0 })
      .where(inArray(tables.job.id, [left]))

    const cleaning = await jobs.create({ operation: cleanUpNumber, user: root })
    expect(await finish(jobs, cleaning.id)).toMatchObject({ status: "done", text: '{"removed":2}' })
    const owners = async (table: typeof tables.job_part | typeof tables.job_log | typeof tables.job_import) =>
      new Set((await db.select({ id: table.job_id }).from(table)).map(({ id }) => id))
    expect(await owners(tables.job_part)).toEqual(new Set([ids[2] as number]))
    expect(await owners(tables.job_log)).toEqual(new Set([ids[2] as number, left]))
    expect(await owners(tables.job_import)).toEqual(new Set([ids[2] as number]))
    expect(await db.$count(tables.job_import_part)).toBe(50)
    const listed = (await jobs.list(root, { limit: 10, offset: 0, all_users: true })).results
    expect(listed.map(({ id }) => id)).toEqual([left, ids[2] as number])
    await undo()
  })

  test("it is scheduled hourly, and makes no job while nothing has expired", async () => {
    const database = await open()
    await using jobs = await openTestJobs(database)
    const undo = await registerCleanUp({ database, operations: jobs.operations, jobs })
    await undo()
    await registerCleanUp({ database, operations: jobs.operations, jobs })
    const schedules = await database.db.select().from(database.tables.job_schedule)
    expect(schedules).toMatchObject([{ operation: cleanUpNumber, cron: "23 * * * *", username: "system" }])
    expect(await jobs.operations.get(cleanUpNumber)?.isNeeded?.()).toBe(false)
  })
})
