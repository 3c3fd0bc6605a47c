import { expect, test } from "bun:test"
import { eq, sql } from "drizzle-orm"
import { createChanges } from "../../src/jobs/changes.ts"
import type { JobEvent, JobEventStart } from "../../src/jobs/job-events.ts"
import type { Jobs } from "../../src/jobs/jobs.ts"
import { createRecords } from "../../src/jobs/records.ts"
import { createRevisions } from "../../src/jobs/revisions.ts"
import { eachDatabase } from "../support/database.ts"
import { alice, bob, finish, openTestJobs, root, toOperation } from "../support/jobs.ts"

const echo = toOperation({ run: async () => "end" })
const hidden = toOperation({ number: 1002, hidden: true, run: async () => "end" })

/** What a stream tells, read one by one. */
function read(events: AsyncIterable<JobEvent | JobEventStart>) {
  const states = events[Symbol.asyncIterator]()
  return {
    next: async () => (await states.next()).value as JobEvent | JobEventStart | undefined,
    /** Up to the first that fits. */
    async until(fits: (event: JobEvent) => boolean): Promise<JobEvent[]> {
      const told: JobEvent[] = []
      while (true) {
        const { value, done } = await states.next()
        if (done) throw new Error(`It ended after ${JSON.stringify(told.map(({ data }) => data))}`)
        if (value.data) told.push(value)
        if (value.data && fits(value)) return told
      }
    },
    end: () => states.return?.(),
  }
}

const isEndOf =
  (id: number) =>
  ({ data }: JobEvent) =>
    data.id === id && data.status === "done"

function watchAll(jobs: Jobs, user: typeof alice, options: Partial<Parameters<Jobs["allEvents"]>[1]> = {}) {
  return read(jobs.allEvents(user, { signal: AbortSignal.timeout(20_000), ...options }))
}

eachDatabase((dialect, open) => {
  test("allEvents() begins with where it begins, and tells one's own jobs as they change", async () => {
    await using jobs = await openTestJobs(await open(), [echo, hidden])
    const before = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, before.id)
    const stream = watchAll(jobs, alice)
    const start = await stream.next()
    expect(start).toEqual({ id: expect.stringMatching(/^\d+$/) })
    await jobs.create({ operation: 1001, user: bob })
    await jobs.create({ operation: 1002, user: alice })
    const { id } = await jobs.create({ operation: 1001, user: alice })
    const told = await stream.until(isEndOf(id))
    // of what was written just before it may be told late
    expect([...new Set(told.map(({ data }) => data.id))].filter((one) => one !== before.id)).toEqual([id])
    expect(Number(told.at(-1)?.id)).toBeGreaterThan(Number(start?.id))
    await stream.end()
  })

  test("allEvents() tells an administrator of everyone's jobs where he asks, of hidden ones where one asks", async () => {
    await using jobs = await openTestJobs(await open(), [echo, hidden])
    const all = watchAll(jobs, root, { all_users: true, hidden: true })
    const own = watchAll(jobs, alice, { all_users: true, hidden: true })
    for (const stream of [all, own]) await stream.next()
    const first = await jobs.create({ operation: 1001, user: bob })
    const second = await jobs.create({ operation: 1002, user: alice })
    await Promise.all([first, second].map(({ id }) => finish(jobs, id)))
    const last = await jobs.create({ operation: 1001, user: alice })
    const seen = new Set((await all.until(isEndOf(last.id))).map(({ data }) => data.id))
    expect([...seen].sort()).toEqual([first.id, second.id, last.id])
    expect((await own.until(isEndOf(last.id))).map(({ data }) => data.id)).not.toContain(first.id)
    for (const stream of [all, own]) await stream.end()
  })

  test("who comes back with Last-Event-ID is told what changed since, and nothing else", async () => {
    await using jobs = await openTestJobs(await open(), [echo])
    const stream = watchAll(jobs, alice)
    await stream.next()
    const seen = await jobs.create({ operation: 1001, user: alice })
    const lastEventId = (await stream.until(isEndOf(seen.id))).at(-1)?.id
    await stream.end()
    const missed = await jobs.create({ operation: 1001, user: alice })
    await finish(jobs, missed.id)
    const again = watchAll(jobs, alice, { lastEventId })
    expect(await again.next()).toEqual({ id: lastEventId as string })
    const told = await again.until(isEndOf(missed.id))
    expect(told.map(({ data }) => data.id)).toEqual([missed.id])
    await again.end()
    for (const strange of ["", "x", "-1", "99999999999999", "1e3"]) {
      const fresh = watchAll(jobs, alice, { lastEventId: strange })
      expect(Number((await fresh.next())?.id)).toBeGreaterThanOrEqual(Number(told[0]?.id))
      await fresh.end()
    }
  })

  if (dialect === "postgres") {
    test("who comes back is told as well of what was written before the last event, and committed after it", async () => {
      const database = await open()
      const { job } = database.tables
      await using jobs = await openTestJobs(database, [echo])
      const slow = await jobs.create({ operation: 1001, user: alice })
      await finish(jobs, slow.id)
      const stream = watchAll(jobs, alice)
      await stream.next()
      const wrote = Promise.withResolvers<void>()
      const commit = Promise.withResolvers<void>()
      const committed = database.transaction(async (handle) => {
        const values = { message: "late", revision: sql`nextval('job_revision_seq')`, updated_at: sql`now()` }
        await handle.update(job).set(values).where(eq(job.id, slow.id))
        wrote.resolve()
        await commit.promise
      })
      await wrote.promise
      const quick = await jobs.create({ operation: 1001, user: alice })
      const lastEventId = (await stream.until(({ data }) => data.id === quick.id)).at(-1)?.id
      await stream.end()
      commit.resolve()
      await committed
      const again = watchAll(jobs, alice, { lastEventId })
      const told = await again.until(({ data }) => data.message === "late")
      expect(told.at(-1)?.data.id).toBe(slow.id)
      await again.end()
    })
  }

  test("one job's stream is resumed as well: a state that was seen is not told again", async () => {
    const gate = Promise.withResolvers<void>()
    await using jobs = await openTestJobs(await open(), [toOperation({ run: () => gate.promise })])
    const { id } = await jobs.create({ operation: 1001, user: alice })
    const { signal } = new AbortController()
    const first = read(jobs.events(id, alice, { signal }))
    const lastEventId = (await first.until(({ data }) => data.status === "processing")).at(-1)?.id
    await first.end()
    const again = read(jobs.events(id, alice, { signal, lastEventId }))
    const next = again.next()
    gate.resolve()
    expect((await next)?.data?.status).toBe("done")
    expect(await again.next()).toBeUndefined()
    expect(await jobs.isOver(id, alice, lastEventId)).toBe(false)
  })

  test("a slow reader misses old states, never the newest", async () => {
    const start = Promise.withResolvers<void>()
    const chatty = toOperation({
      run: async ({ progress }) => {
        await start.promise
        for (let step = 0; step < 5_000; step++) await progress(step / 50, `step ${step}`)
        return "end"
      },
    })
    await using jobs = await openTestJobs(await open(), [chatty])
    const one = await jobs.create({ operation: 1001, user: alice })
    const single = read(jobs.events(one.id, alice, { signal: AbortSignal.timeout(20_000) }))
    await single.until(({ data }) => data.status === "processing")
    const list = watchAll(jobs, alice)
    await list.next()
    start.resolve()
    await finish(jobs, one.id)
    for (const stream of [single, list]) {
      const told = await stream.until(({ data }) => data.status === "done")
      expect(told.length).toBeLessThan(1_100)
      const steps = told.map(({ data }) => data.progress)
      expect(steps).toEqual(steps.toSorted((a, b) => a - b))
    }
    await list.end()
  })

  test("of rows that are written at once each has a revision of its own", async () => {
    const database = await open()
    const { db, tables } = database
    const records = createRecords(database, createRevisions(database))
    await using jobs = await openTestJobs(database, [echo])
    for (let count = 0; count < 5; count++) {
      await finish(jobs, (await jobs.create({ operation: 1001, user: alice })).id)
    }
    await jobs.close({ grace_ms: 0 })
    await db.update(tables.job).set({ status: "processing", worker: null })
    const newest = await createChanges(database).newest()
    expect(await records.reclaim()).toBe(5)
    const revisions = (await db.select().from(tables.job)).map(({ revision }) => revision)
    expect(new Set(revisions).size).toBe(5)
    expect(Math.min(...revisions)).toBeGreaterThan(newest)
  })

  if (dialect === "sqlite") return

  test("on another replica each change is told, and the progress that was written", async () => {
    const place = await open.place()
    const gate = Promise.withResolvers<void>()
    const steps = toOperation({
      run: async ({ progress }) => {
        await progress(40, "on its way")
        await gate.promise
        return "end"
      },
    })
    await using runs = await openTestJobs(await open({ place }), [steps])
    await using looks = await openTestJobs(await open({ place, migrate: false }))
    const list = watchAll(looks, alice)
    await list.next()
    const { id } = await runs.create({ operation: 1001, user: alice })
    const single = read(looks.events(id, alice, { signal: AbortSignal.timeout(20_000) }))
    for (const stream of [list, single]) {
      const told = await stream.until(({ data }) => data.progress === 40)
      expect(told.at(-1)?.data).toMatchObject({ id, status: "processing", message: "on its way" })
    }
    gate.resolve()
    for (const stream of [list, single]) {
      expect((await stream.until(isEndOf(id))).at(-1)?.data).toMatchObject({ id, text: "end" })
    }
    await list.end()
  })
})
