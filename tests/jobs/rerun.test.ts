import { expect, test } from "bun:test"
import type { RunContext } from "../../src/jobs/operations.ts"
import { eachDatabase } from "../support/database.ts"
import { alice, bob, finish, follow, openTestJobs, root, toOperation } from "../support/jobs.ts"

eachDatabase((_dialect, open) => {
  test("rerun() makes a job that has ended wait again as if it never ran, and runs it", async () => {
    let fails = true
    const flaky = toOperation({
      attempts: 2,
      backoff: { type: "fixed", delay_ms: 1 },
      run: async ({ progress }) => {
        await progress(50, "halfway")
        if (fails) throw new Error("no luck")
        return "luck"
      },
    })
    await using jobs = await openTestJobs(await open(), [flaky])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect(await finish(jobs, id)).toMatchObject({ status: "error", error: "no luck", attempts: 2 })
    fails = false
    const again = await jobs.rerun(id, alice)
    expect(again).toMatchObject({ id, status: "preparing", progress: 0, message: "", error: null, finished_at: null })
    expect(await finish(jobs, id)).toMatchObject({ status: "done", text: "luck", error: null, attempts: 3 })
    await jobs.rerun(id, root)
    expect(await finish(jobs, id)).toMatchObject({ status: "done", attempts: 4 })
  })

  test("rerun() of a job that waits or runs is refused, another's is unknown", async () => {
    const untilAborted = ({ signal }: RunContext) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    await using jobs = await openTestJobs(await open(), [toOperation({ run: untilAborted })])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await follow(jobs, id, ({ status }) => status === "processing")
    await expect(jobs.rerun(id, alice)).rejects.toMatchObject({ code: "JOB_RUNS" })
    await expect(jobs.rerun(id, bob)).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(jobs.rerun(9999, alice)).rejects.toMatchObject({ code: "NOT_FOUND" })
    await jobs.cancel(id, alice)
    expect((await jobs.rerun(id, alice)).status).toBe("preparing")
  })

  test("that a try was canceled says nothing to the one after it, however late it comes", async () => {
    const database = await open()
    const gate = Promise.withResolvers<void>()
    const operation = toOperation({
      async run({ job, signal }) {
        if (job.attempts === 1) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
        else await gate.promise
        return signal.aborted
      },
    })
    await using jobs = await openTestJobs(database, [operation])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await follow(jobs, id, ({ status }) => status === "processing")
    const told: unknown[] = []
    const undo = database.signals.subscribe("job_canceled", (which) => which !== null && told.push(which))
    await jobs.cancel(id, alice)
    await jobs.rerun(id, alice)
    await follow(jobs, id, ({ status }) => status === "processing")
    await database.signals.publish("job_canceled", `${id} 1`)
    while (told.length < 2) await Bun.sleep(5)
    gate.resolve()
    expect(await finish(jobs, id)).toMatchObject({ status: "done", text: "false", attempts: 2 })
    expect(told).toEqual([`${id} 1`, `${id} 1`])
    await undo()
  })

  test("a handler that ignores its signal writes nothing into the run after it", async () => {
    const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
    const reporters: RunContext[] = []
    const deaf = toOperation({
      run: async (context) => {
        reporters.push(context)
        return (gates[context.job.attempts - 1] as PromiseWithResolvers<string>).promise
      },
    })
    await using jobs = await openTestJobs(await open(), [deaf])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await follow(jobs, id, ({ status }) => status === "processing")
    await jobs.cancel(id, alice)
    await jobs.rerun(id, alice)
    await reporters[0]?.progress(77, "I am still here")
    reporters[0]?.log("error", "I am still here")
    gates[0]?.resolve("old")
    const [started] = (await follow(jobs, id, ({ status }) => status === "processing")).slice(-1)
    expect(started).toMatchObject({ status: "processing", progress: 0, message: "", attempts: 2 })
    gates[1]?.resolve("new")
    expect(await finish(jobs, id)).toMatchObject({ status: "done", text: "new" })
    expect((await jobs.logs(id, alice, { limit: 10, offset: 0 })).results.map(({ attempt }) => attempt)).not.toContain(
      2,
    )
  })
})
