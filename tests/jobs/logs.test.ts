import { expect, test } from "bun:test"
import { eachDatabase } from "../support/database.ts"
import { alice, bob, finish, openTestJobs, root, toOperation } from "../support/jobs.ts"

const page = { limit: 1000, offset: 0 }

eachDatabase((_dialect, open) => {
  test("what a job says is kept with it, by try, with its fields", async () => {
    const operation = toOperation({
      attempts: 2,
      backoff: { type: "fixed", delay_ms: 1 },
      run: async ({ job, log }) => {
        log("info", `try ${job.attempts}`, { rows: 5 })
        if (job.attempts === 1) throw new Error("again")
        log("warn", "NUL \0 and half \ud83d")
      },
    })
    await using jobs = await openTestJobs(await open(), [operation])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, id)
    const { count, results } = await jobs.logs(id, alice, page)
    expect(count).toBe(3)
    expect(results).toEqual([
      { attempt: 1, level: "info", message: "try 1", fields: { rows: 5 }, created_at: expect.any(String) },
      { attempt: 2, level: "info", message: "try 2", fields: { rows: 5 }, created_at: expect.any(String) },
      { attempt: 2, level: "warn", message: "NUL � and half �", fields: {}, created_at: expect.any(String) },
    ])
    expect((await jobs.logs(id, root, { limit: 1, offset: 1 })).results[0]?.message).toBe("try 2")
    await expect(jobs.logs(id, bob, page)).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("at most 1000 lines are kept, the last one says so; long lines are cut, and what is no JSON is survived", async () => {
    const loop: Record<string, unknown> = {}
    loop.self = loop
    const operation = toOperation({
      run: async ({ log }) => {
        log("info", "x".repeat(20_000), { long: "y".repeat(20_000) })
        log("info", "loop", loop as never)
        for (let line = 0; line < 5_000; line++) log("debug", `line ${line}`)
      },
    })
    await using jobs = await openTestJobs(await open(), [operation])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, id)
    const { count, results } = await jobs.logs(id, alice, page)
    expect(count).toBe(1000)
    expect(results[0]?.message.length).toBeLessThan(10_100)
    expect(JSON.stringify(results[0]?.fields).length).toBeLessThan(10_200)
    expect(results[1]?.fields).toHaveProperty("unreadable")
    expect(results.at(-1)).toMatchObject({ level: "warn", message: "There were more lines: 1000 of a job are kept" })
    await jobs.rerun(id, alice)
    await finish(jobs, id)
    const again = await jobs.logs(id, alice, page)
    expect([again.count, again.results[0]?.attempt]).toEqual([1000, 2])
  })
})
