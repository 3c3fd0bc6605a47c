import { expect, test } from "bun:test"
import { type Job, t } from "@pagoda/sdk"
import { eachDatabase } from "../support/database.ts"
import { alice, bob, finish, follow, openTestJobs, root, toOperation } from "../support/jobs.ts"

const echo = toOperation({
  params: t.Object({ message: t.String({ default: "Hello" }), times: t.Optional(t.Integer({ minimum: 1 })) }),
  run: async ({ params }) => params,
})
const everyone = { limit: 30, offset: 0 }

eachDatabase((_dialect, open) => {
  test("a job goes preparing, processing, done, with its defaults, its text and progress 100", async () => {
    await using jobs = await openTestJobs(await open(), [echo])
    const created = await jobs.create({ operation: 1001, params: { times: 2 }, user: alice })
    expect(created).toMatchObject({
      operation: 1001,
      operation_name: "SAMPLE",
      plugin: "sample",
      user: { id: alice.id, username: "alice" },
      target: null,
      status: "preparing",
      progress: 0,
      message: "",
      params: { message: "Hello", times: 2 },
      text: null,
      error: null,
      attempts: 0,
      cancelable: true,
      downloadable: false,
      started_at: null,
      finished_at: null,
    })
    const done = await finish(jobs, created.id)
    expect(done).toMatchObject({ status: "done", progress: 100, attempts: 1, error: null })
    expect(JSON.parse(done.text ?? "")).toEqual({ message: "Hello", times: 2 })
    for (const time of [done.created_at, done.started_at, done.finished_at]) {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
    expect(await jobs.get(created.id, alice)).toEqual(done)
  })

  test("create() refuses params with every problem at once, each under its path, and writes nothing", async () => {
    await using jobs = await openTestJobs(await open(), [echo])
    const refused = jobs.create({ operation: 1001, params: { message: 1, times: 0 }, user: alice })
    await expect(refused).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
      issues: [{ path: "params.message" }, { path: "params.times" }],
    })
    expect((await jobs.list(root, { ...everyone, all_users: true })).count).toBe(0)
  })

  test("create() refuses an unknown operation and a target that does not fit", async () => {
    await using jobs = await openTestJobs(await open(), [echo])
    await expect(jobs.create({ operation: 1002, user: alice })).rejects.toMatchObject({ code: "NOT_FOUND" })
    const target = { type: "", id: 1.5, name: "x" }
    const refused = jobs.create({ operation: 1001, target, user: alice })
    await expect(refused).rejects.toMatchObject({ issues: [{ path: "target.type" }, { path: "target.id" }] })
  })

  test("a target comes back as it was given, its id a number or a string", async () => {
    await using jobs = await openTestJobs(await open(), [echo])
    for (const id of [42, "42"]) {
      const target = { type: "entry", id, name: "The answer" }
      const created = await jobs.create({ operation: 1001, target, user: alice })
      expect((await finish(jobs, created.id)).target).toEqual(target)
    }
    const target = { type: "en\0try", id: "\0\ud800", name: "\udfffthe\0" }
    const { id } = await jobs.create({ operation: 1001, target, user: alice })
    expect((await finish(jobs, id)).target).toEqual({ type: "en�try", id: "��", name: "�the�" })
  })

  test("lists own jobs, newest first; all_users counts for administrators only; another's job is unknown", async () => {
    await using jobs = await openTestJobs(await open(), [
      echo,
      toOperation({ number: 1002, hidden: true, run: async () => {} }),
    ])
    const mine = [
      await jobs.create({ operation: 1001, user: alice }),
      await jobs.create({ operation: 1001, user: alice }),
    ]
    const other = await jobs.create({ operation: 1001, user: bob })
    const hidden = await jobs.create({ operation: 1002, user: alice })
    const ids = async (...query: Parameters<typeof jobs.list>) =>
      (await jobs.list(...query)).results.map(({ id }) => id)
    const newestFirst = mine.map(({ id }) => id).reverse()
    expect(await ids(alice, everyone)).toEqual(newestFirst)
    expect(await ids(alice, { ...everyone, all_users: true })).toEqual(newestFirst)
    expect(await ids(alice, { ...everyone, hidden: true })).toEqual([hidden.id, ...newestFirst])
    expect(await ids(bob, { ...everyone, hidden: true, all_users: true })).toEqual([other.id])
    expect(await ids(root, everyone)).toEqual([])
    expect(await ids(root, { ...everyone, all_users: true })).toEqual([other.id, ...newestFirst])
    expect((await jobs.get(hidden.id, alice)).id).toBe(hidden.id)
    await expect(jobs.get(other.id, alice)).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(jobs.get(999, alice)).rejects.toMatchObject({ code: "NOT_FOUND" })
    expect((await jobs.get(other.id, root)).id).toBe(other.id)
  })

  test("params of more than 64 KiB are told of one job, not of each in a list, nor with each of its states", async () => {
    const gate = Promise.withResolvers<void>()
    const operation = toOperation({
      async run({ progress, params }) {
        await progress(50, "halfway")
        await gate.promise
        return JSON.stringify(params).length
      },
    })
    await using jobs = await openTestJobs(await open(), [operation])
    const fitting = { text: "ü".repeat(32 * 1024 - 9), n: 1 }
    const large = { text: `${fitting.text}xx`, n: 1 }
    const signal = AbortSignal.timeout(20_000)
    const all = jobs.allEvents(alice, { signal })[Symbol.asyncIterator]()
    await all.next()
    const sent: [number, unknown][] = []
    for (const params of [fitting, large]) {
      const { id } = await jobs.create({ operation: 1001, params, user: alice })
      sent.push([id, params === large ? null : params])
      expect((await jobs.get(id, alice)).params).toEqual(params)
    }
    const isKnown = ({ id, params }: Job) => expect([id, params]).toEqual(sent.find(([known]) => known === id) as never)
    for (const [id] of sent) {
      for (const told of await follow(jobs, id, ({ progress }) => progress === 50)) isKnown(told)
    }
    gate.resolve()
    for (const [id] of sent) for (const told of await follow(jobs, id)) isKnown(told)
    const { results } = await jobs.list(alice, { limit: 30, offset: 0 })
    for (const job of results) isKnown(job)
    expect(results.map(({ status, text }) => [status, text])).toEqual([
      ["done", `${JSON.stringify(large).length}`],
      ["done", `${JSON.stringify(fitting).length}`],
    ])
    const ended = new Set<number>()
    while (ended.size < 2) {
      const { value } = await all.next()
      if (value?.data) isKnown(value.data)
      if (value?.data?.status === "done") ended.add(value.data.id)
    }
    await all.return?.(undefined)
  })

  test("list() filters by status, operation and plugin, and counts all while it gives a page", async () => {
    await using jobs = await openTestJobs(await open(), [
      echo,
      toOperation({ number: 1002, plugin: "other", run: async () => {} }),
    ])
    for (let job = 0; job < 5; job++) {
      const { id } = await jobs.create({ operation: job === 2 ? 1002 : 1001, user: alice })
      await finish(jobs, id)
    }
    const page = await jobs.list(alice, { limit: 2, offset: 2, plugin: "sample" })
    expect(page.count).toBe(4)
    expect(page.results.map(({ id }) => id)).toEqual([2, 1])
    expect((await jobs.list(alice, { limit: 1, offset: 0 })).results).toHaveLength(1)
    expect((await jobs.list(alice, { ...everyone, operation: 1002 })).count).toBe(1)
    expect((await jobs.list(alice, { ...everyone, status: "error" })).count).toBe(0)
    expect((await jobs.list(alice, { ...everyone, status: "done" })).count).toBe(5)
  })

  test("what a plugin asks for that is no id and no filter is refused by name, whatever its type", async () => {
    await using jobs = await openTestJobs(await open(), [echo])
    for (const id of ["x", 1.5, -1, 2 ** 60, null, {}]) {
      await expect(jobs.get(id as number, root)).rejects.toMatchObject({ code: "NOT_FOUND" })
      await expect(jobs.cancel(id as number, root)).rejects.toMatchObject({ code: "NOT_FOUND" })
    }
    for (const wrong of [
      { limit: 0 },
      { limit: 1001 },
      { offset: -1 },
      { status: "lost" },
      { operation: "x" },
      { user_id: "u" },
    ]) {
      const [path] = Object.keys(wrong)
      const refused = jobs.list(alice, { ...everyone, ...wrong } as typeof everyone)
      await expect(refused).rejects.toMatchObject({ code: "VALIDATION_FAILED", issues: [{ path }] })
    }
  })

  test("events() begins with the present state, tells each progress and ends after the final one", async () => {
    const gate = Promise.withResolvers<void>()
    const steps = toOperation({
      run: async ({ progress }) => {
        await gate.promise
        for (const percent of [10, 30, 60, 90]) await progress(percent, `at ${percent}`)
        return "end"
      },
    })
    await using jobs = await openTestJobs(await open(), [steps])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    const told = await (async () => {
      const states: string[] = []
      for await (const { data } of jobs.events(id, alice, { signal: AbortSignal.timeout(10_000) })) {
        states.push(`${data.status} ${data.progress} ${data.message}`)
        gate.resolve()
      }
      return states
    })()
    expect(told.slice(-6)).toEqual([
      "processing 0 ",
      "processing 10 at 10",
      "processing 30 at 30",
      "processing 60 at 60",
      "processing 90 at 90",
      "done 100 at 90",
    ])
  })

  test("events() of an ended job tell its end, or nothing to who has seen it already; another's job has none", async () => {
    await using jobs = await openTestJobs(await open(), [echo])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, id)
    const { signal } = new AbortController()
    const first = await Array.fromAsync(jobs.events(id, alice, { signal }))
    expect(first.map(({ data }) => data.status)).toEqual(["done"])
    expect(await Array.fromAsync(jobs.events(id, alice, { signal, lastEventId: first[0]?.id }))).toEqual([])
    await expect(Array.fromAsync(jobs.events(id, bob, { signal }))).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("events() end when their signal fires and when the jobs close", async () => {
    const stuck = toOperation({
      run: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", reject)),
    })
    await using jobs = await openTestJobs(await open(), [stuck])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    const gone = new AbortController()
    const states = jobs.events(id, alice, { signal: gone.signal })[Symbol.asyncIterator]()
    while ((await states.next()).value?.data.status !== "processing");
    gone.abort()
    expect((await states.next()).done).toBe(true)
    const following = follow(jobs, id)
    await jobs.close({ grace_ms: 20 })
    expect((await following).at(-1)?.status).toBe("preparing")
  })
})
