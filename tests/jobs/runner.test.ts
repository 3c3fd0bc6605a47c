import { expect, test } from "bun:test"
import { t } from "@pagoda/sdk"
import { eq, type SQL, sql } from "drizzle-orm"
import type { Database } from "../../src/db/database.ts"
import { InterruptedError } from "../../src/jobs/interruption.ts"
import type { RunContext } from "../../src/jobs/operations.ts"
import { eachDatabase } from "../support/database.ts"
import { alice, bob, finish, follow, openTestJobs, root, toOperation } from "../support/jobs.ts"

/** Runs until its signal fires. */
const untilAborted = ({ signal }: RunContext) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

function rename({ db }: Database, from: string, to: string) {
  const statement = sql.raw(`alter table ${from} rename to ${to}`)
  const { run } = db as typeof db & { run?: (statement: SQL) => Promise<unknown> }
  return run ? run.call(db, statement) : db.execute(statement)
}

eachDatabase((dialect, open) => {
  test("an exception makes the job error with its message; the stack is in the log with the plugin's id", async () => {
    const failing = toOperation({
      run: async ({ progress }) => {
        await progress(40, "halfway")
        throw new Error("no\0 such sheet")
      },
    })
    await using jobs = await openTestJobs(await open(), [failing])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect(await finish(jobs, id)).toMatchObject({
      status: "error",
      error: "no\uFFFD such sheet",
      progress: 40,
      message: "halfway",
      text: null,
    })
    const line = JSON.parse(jobs.lines.find((line) => line.includes("failed")) ?? "{}")
    expect(line).toMatchObject({ level: "error", plugin: "sample" })
    expect(line.error).toContain("runner.test.ts")
  })

  test.each([
    ["a string", "as it\0 is", "as it\uFFFD is"],
    ["nothing", undefined, null],
    ["an object", { rows: [1, 2] }, '{"rows":[1,2]}'],
    ["null", null, "null"],
    ["something that is no JSON", () => {}, null],
  ])("what run returns becomes the text: %s", async (_name, result, text) => {
    await using jobs = await openTestJobs(await open(), [toOperation({ run: async () => result })])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect(await finish(jobs, id)).toMatchObject({ status: "done", text })
  })

  test.each([
    ["a result that cannot be JSON", async () => 1n, "BigInt"],
    ["a string that is thrown", async () => Promise.reject("just text"), "just text"],
    ["something thrown that cannot be read", async () => Promise.reject(Object.create(null)), "cannot be read"],
    [
      "a run that throws before its first await",
      () => {
        throw new TypeError("at once")
      },
      "at once",
    ],
  ])("a job ends as error for %s", async (_name, run, message) => {
    await using jobs = await openTestJobs(await open(), [toOperation({ run })])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    const { status, error } = await finish(jobs, id)
    expect(status).toBe("error")
    expect(error).toContain(message)
  })

  test("a waiting job is canceled at once and never runs", async () => {
    const ran: number[] = []
    const gate = Promise.withResolvers<void>()
    const blocking = toOperation({
      parallelizable: false,
      run: async ({ job }) => {
        ran.push(job.id)
        await gate.promise
      },
    })
    await using jobs = await openTestJobs(await open(), [blocking])
    const target = { type: "entry", id: 1, name: "one" }
    const first = await jobs.create({ operation: 1001, target, user: alice })
    await follow(jobs, first.id, ({ status }) => status === "processing")
    const second = await jobs.create({ operation: 1001, target, user: alice })
    expect(await jobs.cancel(second.id, alice)).toMatchObject({ status: "canceled", attempts: 0 })
    gate.resolve()
    await finish(jobs, first.id)
    const third = await jobs.create({ operation: 1001, target, user: alice })
    await finish(jobs, third.id)
    expect(ran).toEqual([first.id, third.id])
    expect((await jobs.get(second.id, alice)).finished_at).toBeString()
  })

  test("a running job that is cancelled sees its signal, and what it then does changes nothing", async () => {
    const seen = Promise.withResolvers<unknown>()
    const stubborn = toOperation({
      run: async (context) => {
        await context.progress(20, "working")
        await untilAborted(context).catch(seen.resolve)
        await context.progress(99, "still here")
        return "a result that nobody wants"
      },
    })
    await using jobs = await openTestJobs(await open(), [stubborn])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await follow(jobs, id, ({ progress }) => progress === 20)
    expect(await jobs.cancel(id, alice)).toMatchObject({ status: "canceled", progress: 20, message: "working" })
    expect(await seen.promise).toMatchObject({ name: "AbortError" })
    await jobs.close({ grace_ms: 1_000 })
    expect(await jobs.get(id, alice)).toMatchObject({ status: "canceled", text: null, progress: 20, error: null })
  })

  test("cancel() of a non-cancelable, an ended, another's or an unknown job is refused", async () => {
    const gate = Promise.withResolvers<void>()
    await using jobs = await openTestJobs(await open(), [
      toOperation({ run: async () => {} }),
      toOperation({ number: 1002, cancelable: false, run: () => gate.promise }),
    ])
    const done = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, done.id)
    const kept = await jobs.create({ operation: 1002, user: alice })
    await expect(jobs.cancel(done.id, alice)).rejects.toMatchObject({ code: "JOB_NOT_CANCELABLE" })
    await expect(jobs.cancel(kept.id, alice)).rejects.toMatchObject({ code: "JOB_NOT_CANCELABLE" })
    await expect(jobs.cancel(kept.id, bob)).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(jobs.cancel(999, alice)).rejects.toMatchObject({ code: "NOT_FOUND" })
    gate.resolve()
    expect((await finish(jobs, kept.id)).status).toBe("done")
  })

  test("an administrator cancels another's job", async () => {
    await using jobs = await openTestJobs(await open(), [toOperation({ run: untilAborted })])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect((await jobs.cancel(id, root)).status).toBe("canceled")
  })

  test("non-parallelizable jobs of one target run one after the other, others do not wait", async () => {
    const running = new Set<string>()
    const overlaps: string[] = []
    const meet = Promise.withResolvers<void>()
    let free = 0
    const serial = toOperation({
      parallelizable: false,
      run: async ({ job }) => {
        if (!job.target) {
          if (++free === 2) meet.resolve()
          await meet.promise
          return
        }
        const key = String(job.target.id)
        if (running.has(key)) overlaps.push(key)
        running.add(key)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running.delete(key)
      },
    })
    await using jobs = await openTestJobs(await open(), [serial])
    const targets = [1, 1, 2, 1, 2, 1].map((id) => ({ type: "entry", id, name: "" }))
    const made = await Promise.all(
      [...targets, undefined, undefined].map((target) => jobs.create({ operation: 1001, target, user: alice })),
    )
    for (const { id } of made) expect((await finish(jobs, id)).status).toBe("done")
    expect(overlaps).toEqual([])
  })

  test("a job that takes longer than timeout_ms ends as timeout and sees its signal", async () => {
    const seen = Promise.withResolvers<unknown>()
    const slow = toOperation({
      timeout_ms: 30,
      attempts: 3,
      run: async (context) => untilAborted(context).catch(seen.resolve),
    })
    await using jobs = await openTestJobs(await open(), [slow])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect(await finish(jobs, id)).toMatchObject({
      status: "timeout",
      error: "It did not end within 30 ms",
      attempts: 1,
    })
    expect(await seen.promise).toMatchObject({ name: "TimeoutError" })
  })

  test("a failed try is followed by another after a while, as long as there are attempts", async () => {
    const flaky = toOperation({
      attempts: 2,
      run: async ({ job }) => {
        if (job.attempts === 1) throw new Error("not yet")
        return "at last"
      },
    })
    await using jobs = await openTestJobs(await open(), [flaky])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    const states = await follow(jobs, id)
    expect(states.map(({ message }) => message)).toContain("Try 1 of 2 failed: not yet")
    const done = states.at(-1)
    expect(done).toMatchObject({ status: "done", attempts: 2, text: "at last", error: null })
    expect(Date.parse(done?.started_at ?? "") - Date.parse(done?.created_at ?? "")).toBeGreaterThanOrEqual(990)
  }, 20_000)

  test("a job whose plugin is gone waits as preparing and runs when its operation is registered again", async () => {
    await using jobs = await openTestJobs(await open())
    const operation = toOperation({ run: async () => "back" })
    const undo = jobs.operations.register(operation)
    const creating = jobs.create({ operation: 1001, user: alice })
    undo()
    const { id } = await creating
    const witness = jobs.operations.register(toOperation({ number: 1002, run: async () => {} }))
    await finish(jobs, (await jobs.create({ operation: 1002, user: alice })).id)
    witness()
    expect((await jobs.get(id, alice)).status).toBe("preparing")
    jobs.operations.register(operation)
    expect(await finish(jobs, id)).toMatchObject({ status: "done", text: "back" })
  })

  test("a job whose plugin is gone is not run by another one that has its number, before or after a restart", async () => {
    const database = await open()
    const ran: string[] = []
    const of = (plugin: string) => toOperation({ plugin, run: async () => void ran.push(plugin) })
    const mark = toOperation({ number: 1002, run: async () => {} })
    const first = await openTestJobs(database, [mark])
    const undo = first.operations.register(of("mine"))
    const ended = await first.create({ operation: 1001, user: alice })
    await finish(first, ended.id)
    undo()
    first.operations.register(of("other"))
    await first.rerun(ended.id, alice)
    await first.create({ operation: 1001, user: alice })
    while (ran.length < 2) await Bun.sleep(5)
    await finish(first, (await first.create({ operation: 1002, user: alice })).id)
    await first.close({ grace_ms: 1_000 })
    expect(ran).toEqual(["mine", "other"])
    expect(await first.get(ended.id, alice)).toMatchObject({ status: "preparing", plugin: "mine", attempts: 1 })

    // it is looked at again after a minute, or when the queue has lost it
    const { db, tables } = database
    await db.update(tables.job).set({ run_after: null }).where(eq(tables.job.id, ended.id))
    if (dialect === "postgres") await db.execute(sql`delete from graphile_worker._private_jobs`)
    await using second = await openTestJobs(database, [of("mine"), mark])
    expect(await finish(second, ended.id)).toMatchObject({ status: "done" })
    expect(ran).toEqual(["mine", "other", "mine"])
  }, 20_000)

  test("params that do not fit the plugin's newer version make the job error with the path, and it does not run", async () => {
    await using jobs = await openTestJobs(await open())
    let ran = false
    const undo = jobs.operations.register(toOperation({ run: async () => {} }))
    const creating = jobs.create({ operation: 1001, params: { size: "big" }, user: alice })
    undo()
    const { id } = await creating
    jobs.operations.register(
      toOperation({
        params: t.Object({ size: t.Integer() }),
        run: async () => {
          ran = true
        },
      }),
    )
    const { status, error, attempts } = await finish(jobs, id)
    expect({ status, attempts, ran }).toEqual({ status: "error", attempts: 0, ran: false })
    expect(error).toContain("params.size")
  })

  test("a job of a user who was deactivated meanwhile does not run", async () => {
    await using jobs = await openTestJobs(await open(), [toOperation({ run: async () => {} })])
    jobs.users.set(alice.id, { ...alice, is_active: false })
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect(await finish(jobs, id)).toMatchObject({ status: "error", attempts: 0 })
  })

  test("close() lets a job finish within the grace time", async () => {
    const begun = Promise.withResolvers<void>()
    const quick = toOperation({
      run: async () => {
        begun.resolve()
        await new Promise((resolve) => setTimeout(resolve, 30))
        return "in time"
      },
    })
    await using jobs = await openTestJobs(await open(), [quick])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await begun.promise
    await jobs.close({ grace_ms: 5_000 })
    expect(await jobs.get(id, alice)).toMatchObject({ status: "done", text: "in time" })
  })

  test("close() hands back what does not end, whether it heeds its signal or not", async () => {
    let heard = 0
    const heeding = toOperation({ run: (context) => untilAborted(context).finally(() => heard++) })
    const deaf = toOperation({ number: 1002, run: () => new Promise(() => {}) })
    await using jobs = await openTestJobs(await open(), [heeding, deaf])
    const ids = [1001, 1002].map(async (operation) => (await jobs.create({ operation, user: alice })).id)
    for (const id of await Promise.all(ids)) await follow(jobs, id, ({ status }) => status === "processing")
    await jobs.close({ grace_ms: 60 })
    expect(heard).toBe(1)
    for (const id of await Promise.all(ids)) {
      expect(await jobs.get(id, alice)).toMatchObject({ status: "preparing", error: null, attempts: 1 })
    }
  })

  test("a job whose end cannot be written runs again when it can", async () => {
    const database = await open()
    const away = Promise.withResolvers<unknown>()
    const flaky = toOperation({
      run: async ({ job }) => {
        if (job.attempts === 1) {
          await rename(database, "job", "job_away")
          setTimeout(() => rename(database, "job_away", "job").then(away.resolve), 300)
        }
        return `try ${job.attempts}`
      },
    })
    await using jobs = await openTestJobs(database, [flaky])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await away.promise
    expect(await finish(jobs, id)).toMatchObject({ status: "done", text: "try 2", attempts: 2 })
    expect(jobs.lines.join()).toContain(`Job ${id} could not be worked on; trying again`)
  }, 20_000)

  test("a job whose timeout cannot be written ends nevertheless once it can", async () => {
    const database = await open()
    const away = Promise.withResolvers<unknown>()
    const slow = toOperation({
      timeout_ms: 30,
      run: async (context) => {
        if (context.job.attempts === 1) {
          await rename(database, "job", "job_away")
          setTimeout(() => rename(database, "job_away", "job").then(away.resolve), 300)
        }
        return untilAborted(context)
      },
    })
    await using jobs = await openTestJobs(database, [slow])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await away.promise
    expect(await finish(jobs, id)).toMatchObject({ status: "timeout", error: "It did not end within 30 ms" })
    expect(jobs.lines.join()).toContain(`The timeout of job ${id} is not written`)
  }, 20_000)

  test("what interrupts a canceled job is no interruption of it", async () => {
    const { promise: gone, resolve: end } = Promise.withResolvers<void>()
    const interrupted = toOperation({
      run: async () => {
        await gone
        throw new InterruptedError("its process is gone")
      },
    })
    await using jobs = await openTestJobs(await open(), [interrupted])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await follow(jobs, id, ({ status }) => status === "processing")
    await jobs.cancel(id, alice)
    end()
    await jobs.close({ grace_ms: 5_000 })
    expect(await jobs.get(id, alice)).toMatchObject({ status: "canceled" })
    expect(jobs.lines.join()).not.toContain("was interrupted")
  })

  test("a fixed back-off waits as long each time, an exponential one twice as long", async () => {
    const failing = { attempts: 3, run: () => Promise.reject(new Error("no")) }
    await using jobs = await openTestJobs(await open(), [
      toOperation({ ...failing, backoff: { type: "fixed", delay_ms: 40 } }),
      toOperation({ ...failing, number: 1002, backoff: { delay_ms: 40 } }),
    ])
    for (const [operation, least] of [
      [1001, 80],
      [1002, 120],
    ] as const) {
      const { id } = await jobs.create({ operation, user: alice })
      const job = await finish(jobs, id)
      expect(job).toMatchObject({ status: "error", attempts: 3, error: "no" })
      const took = Date.parse(job.finished_at ?? "") - Date.parse(job.created_at)
      expect(took).toBeGreaterThanOrEqual(least - 5)
    }
  }, 20_000)

  test("an interrupted try is no failure: the job runs again", async () => {
    const interrupted = toOperation({
      run: async ({ job }) => {
        if (job.attempts === 1) throw new InterruptedError("its process is gone")
        return "at last"
      },
    })
    await using jobs = await openTestJobs(await open(), [interrupted])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    expect(await finish(jobs, id)).toMatchObject({ status: "done", attempts: 2, text: "at last" })
  })

  test("of jobs that wait those with a lower priority run first", async () => {
    const gate = Promise.withResolvers<void>()
    const ran: number[] = []
    const run = async ({ job }: RunContext) => void ran.push(job.operation)
    await using jobs = await openTestJobs(await open(), [
      toOperation({ run: () => gate.promise }),
      toOperation({ number: 1002, run }),
      toOperation({ number: 1003, priority: -5, run }),
    ])
    const blocking = await Promise.all(Array.from({ length: 10 }, () => jobs.create({ operation: 1001, user: alice })))
    for (const { id } of blocking) await follow(jobs, id, ({ status }) => status === "processing")
    // Long enough for what was fetched ahead to be given back.
    const made = await Promise.all(Array.from({ length: 20 }, () => jobs.create({ operation: 1002, user: alice })))
    await new Promise((resolve) => setTimeout(resolve, 400))
    made.push(...(await Promise.all(Array.from({ length: 5 }, () => jobs.create({ operation: 1003, user: alice })))))
    gate.resolve()
    for (const { id } of made) await finish(jobs, id)
    expect(new Set(ran.slice(0, 10))).toContain(1003)
    expect(ran.slice(15)).toEqual(Array(10).fill(1002))
  })
})
