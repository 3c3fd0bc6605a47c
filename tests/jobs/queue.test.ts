import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Queue } from "../../src/jobs/queue/queue.ts"
import { createSqliteQueue } from "../../src/jobs/queue/sqlite.ts"
import { createLog } from "../../src/log.ts"

let folder: string
let queue: Queue
let lines: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagoda-queue-"))
  lines = []
  queue = create()
})

afterEach(async () => {
  await queue.close()
  await rm(folder, { recursive: true, force: true })
})

function create(concurrency = 10): Queue {
  const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  return createSqliteQueue({ file: join(folder, "queue.sqlite"), concurrency, log })
}

/** Notes what is delivered; `reached(n)` settles with the nth delivery. */
function recordDeliveries(work: (id: number) => Promise<void> = async () => {}) {
  const delivered: number[] = []
  const waiting: (() => void)[] = []
  return {
    delivered,
    async reached(count: number) {
      while (delivered.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    async work(id: number) {
      delivered.push(id)
      for (const wake of waiting.splice(0)) wake()
      await work(id)
    },
  }
}

describe("createSqliteQueue()", () => {
  test("delivers every id that is added", async () => {
    const deliveries = recordDeliveries()
    await queue.start(deliveries.work)
    await Promise.all(Array.from({ length: 200 }, (_, id) => queue.add(id + 1)))
    await deliveries.reached(200)
    expect(new Set(deliveries.delivered).size).toBe(200)
  })

  test("works on the ids of one key one at a time and in order, on others beside them", async () => {
    let most = 0
    const working = new Map<string, number>()
    const deliveries = recordDeliveries(async (id) => {
      const key = id % 2 === 0 ? "even" : "odd"
      working.set(key, (working.get(key) ?? 0) + 1)
      most = Math.max(most, working.get(key) ?? 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
      working.set(key, (working.get(key) ?? 0) - 1)
    })
    await queue.start(deliveries.work)
    for (let id = 1; id <= 20; id++) await queue.add(id, { key: id % 2 === 0 ? "even" : "odd" })
    await deliveries.reached(20)
    expect(most).toBe(1)
    const even = deliveries.delivered.filter((id) => id % 2 === 0)
    expect(even).toEqual(even.toSorted((one, other) => one - other))
    expect(deliveries.delivered.findIndex((id) => id % 2 === 0)).toBeLessThan(4)
  })

  test("an id that is added while it waits is delivered once, while it is worked on once more", async () => {
    const gate = Promise.withResolvers<void>()
    const deliveries = recordDeliveries(() => gate.promise)
    queue = create(1)
    await queue.start(deliveries.work)
    await queue.add(1)
    await deliveries.reached(1)
    for (const id of [1, 1, 2, 2, 2]) await queue.add(id)
    gate.resolve()
    await queue.add(3, { delay_ms: 50 })
    await deliveries.reached(4)
    expect(deliveries.delivered.toSorted()).toEqual([1, 1, 2, 3])
  })

  test("a delayed id comes not before its time", async () => {
    const deliveries = recordDeliveries()
    await queue.start(deliveries.work)
    const begun = performance.now()
    await queue.add(1, { delay_ms: 120 })
    await deliveries.reached(1)
    expect(performance.now() - begun).toBeGreaterThanOrEqual(119)
  })

  test("a cancelled id that waits is not delivered", async () => {
    const deliveries = recordDeliveries()
    await queue.start(deliveries.work)
    await queue.add(1, { delay_ms: 30 })
    await queue.cancel(1)
    await queue.add(2, { delay_ms: 60 })
    await deliveries.reached(1)
    expect(deliveries.delivered).toEqual([2])
  })

  test("work that throws is logged and delivered again", async () => {
    let tries = 0
    const deliveries = recordDeliveries(async () => {
      if (tries++ === 0) throw new Error("the database is away")
    })
    await queue.start(deliveries.work)
    await queue.add(7)
    await deliveries.reached(2)
    expect(deliveries.delivered).toEqual([7, 7])
    expect(lines.join("")).toContain("the database is away")
  })

  test("what waits in the file is delivered by the next process, once that has work of its own", async () => {
    await queue.start(async () => {})
    await queue.add(1, { delay_ms: 100 })
    await queue.close()
    const deliveries = recordDeliveries()
    queue = create()
    await queue.start(deliveries.work)
    await queue.add(2)
    await deliveries.reached(2)
    expect(deliveries.delivered.toSorted()).toEqual([1, 2])
  })

  test("a queue that nothing is added to opens no file", async () => {
    await queue.start(async () => {})
    await queue.close()
    expect(existsSync(join(folder, "queue.sqlite"))).toBe(false)
  })

  test("two queues on two files work in one process", async () => {
    const other = createSqliteQueue({
      file: join(folder, "other.sqlite"),
      log: createLog({ level: "error", format: "json" }),
    })
    const deliveries = [recordDeliveries(), recordDeliveries()] as const
    await queue.start(deliveries[0].work)
    await other.start(deliveries[1].work)
    await queue.add(1)
    await other.add(2)
    await Promise.all(deliveries.map((one) => one.reached(1)))
    expect(deliveries.map((one) => one.delivered)).toEqual([[1], [2]])
    await other.close()
  })
})
