import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { openQueue } from "../../src/jobs/queue/open.ts"
import type { Queue } from "../../src/jobs/queue/queue.ts"
import { createLog } from "../../src/log.ts"
import { eachDatabase } from "../support/database.ts"

const operation = 1001
let lines: string[]
const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })

/** Notes what is delivered; `reached(n)` settles with the nth delivery. */
function recordDeliveries(act: (id: number) => Promise<void> = async () => {}) {
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
      await act(id)
    },
    letGo() {},
    reclaim: async () => 0,
  }
}

eachDatabase((dialect, open) => {
  let database: Awaited<ReturnType<typeof open>>
  let queue: Queue
  const others: Queue[] = []

  beforeEach(async () => {
    lines = []
    database = await open()
    queue = await create()
  })
  afterEach(async () => {
    for (const one of [queue, ...others.splice(0)]) await one.close()
  })
  const create = (concurrency = 10) => openQueue({ url: database.place.url, database, concurrency, log })
  const start = async (receiver: Parameters<Queue["start"]>[0], on = queue) => {
    on.serve(operation)
    await on.start(receiver)
  }

  describe("a queue", () => {
    test("delivers every id that is added", async () => {
      const deliveries = recordDeliveries()
      await start(deliveries)
      await Promise.all(Array.from({ length: 200 }, (_, id) => queue.add(id + 1, { operation })))
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
      await start(deliveries)
      for (let id = 1; id <= 20; id++) await queue.add(id, { operation, key: id % 2 === 0 ? "even" : "odd" })
      await deliveries.reached(20)
      expect(most).toBe(1)
      const even = deliveries.delivered.filter((id) => id % 2 === 0)
      expect(even).toEqual(even.toSorted((one, other) => one - other))
      expect(deliveries.delivered.findIndex((id) => id % 2 === 0)).toBeLessThan(4)
    })

    test("delivers what has a lower priority first", async () => {
      const gate = Promise.withResolvers<void>()
      const deliveries = recordDeliveries(() => gate.promise)
      queue = await create(1)
      await start(deliveries)
      await queue.add(1, { operation })
      await deliveries.reached(1)
      for (const [id, priority] of [
        [2, 100],
        [3, 50],
        [4, -10],
        [5, 100],
      ] as const)
        await queue.add(id, { operation, priority })
      gate.resolve()
      await deliveries.reached(5)
      expect(deliveries.delivered).toEqual([1, 4, 3, 2, 5])
    })

    test("an id that is added while it waits is delivered once", async () => {
      const gate = Promise.withResolvers<void>()
      const deliveries = recordDeliveries(() => gate.promise)
      queue = await create(1)
      await start(deliveries)
      await queue.add(1, { operation })
      await deliveries.reached(1)
      for (const id of [2, 2, 2]) await queue.add(id, { operation })
      gate.resolve()
      await queue.add(3, { operation, delay_ms: 50 })
      await deliveries.reached(3)
      expect(deliveries.delivered.toSorted()).toEqual([1, 2, 3])
    })

    test("an id that is added while it is worked on is delivered once more", async () => {
      const deliveries = recordDeliveries(async (id) => {
        if (deliveries.delivered.length === 1) await queue.add(id, { operation })
      })
      await start(deliveries)
      await queue.add(1, { operation })
      await deliveries.reached(2)
      expect(deliveries.delivered).toEqual([1, 1])
    })

    test("a delayed id comes not before its time", async () => {
      const deliveries = recordDeliveries()
      await start(deliveries)
      const begun = performance.now()
      await queue.add(1, { operation, delay_ms: 120 })
      await deliveries.reached(1)
      expect(performance.now() - begun).toBeGreaterThanOrEqual(118)
    })

    test("a cancelled id that waits is not delivered", async () => {
      const deliveries = recordDeliveries()
      await start(deliveries)
      await queue.add(1, { operation, delay_ms: 30 })
      await queue.cancel(1)
      await queue.add(2, { operation, delay_ms: 60 })
      await deliveries.reached(1)
      expect(deliveries.delivered).toEqual([2])
    })

    test("work that throws is logged and delivered again", async () => {
      let tries = 0
      const deliveries = recordDeliveries(async () => {
        if (tries++ === 0) throw new Error("the database is away")
      })
      await start(deliveries)
      await queue.add(7, { operation })
      await deliveries.reached(2)
      expect(deliveries.delivered).toEqual([7, 7])
      expect(lines.join("")).toContain("the database is away")
    })

    test("what a process holds when it closes is delivered by the next one at once", async () => {
      const stuck = recordDeliveries(() => new Promise(() => {}))
      await start(stuck)
      await queue.add(1, { operation, key: "one" })
      await stuck.reached(1)
      await queue.close()
      const deliveries = recordDeliveries()
      queue = await create()
      await start(deliveries)
      await queue.add(1, { operation, key: "one" })
      await queue.add(2, { operation, key: "one" })
      await deliveries.reached(2)
      expect(deliveries.delivered).toEqual([1, 2])
    })
  })

  if (dialect === "sqlite") {
    test("two queues work in one process", async () => {
      const other = await openQueue({ database, log })
      others.push(other)
      const deliveries = [recordDeliveries(), recordDeliveries()] as const
      await start(deliveries[0])
      await start(deliveries[1], other)
      await queue.add(1, { operation })
      await other.add(2, { operation })
      await Promise.all(deliveries.map((one) => one.reached(1)))
      expect(deliveries.map((one) => one.delivered)).toEqual([[1], [2]])
      await other.close()
    })
  } else {
    test("an id goes to the process that serves its operation, and waits where none does", async () => {
      const other = await create()
      others.push(other)
      const deliveries = [recordDeliveries(), recordDeliveries()] as const
      await start(deliveries[0])
      await other.start(deliveries[1])
      for (let id = 1; id <= 20; id++) await queue.add(id, { operation: 1002 })
      await queue.add(21, { operation })
      await deliveries[0].reached(1)
      other.serve(1002)
      await deliveries[1].reached(20)
      expect(deliveries[0].delivered).toEqual([21])
      expect(new Set(deliveries[1].delivered)).toEqual(new Set(Array.from({ length: 20 }, (_, id) => id + 1)))
    })

    test("an operation that left and is back has what came meanwhile", async () => {
      const deliveries = recordDeliveries()
      await start(deliveries)
      queue.serve(1002)()
      await queue.add(1, { operation: 1002 })
      queue.serve(1002)
      await deliveries.reached(1)
    })

    test("two processes share the ids, and those of a key run one at a time over both", async () => {
      let most = 0
      let now = 0
      const work = async (id: number) => {
        if (id % 2 === 0) most = Math.max(most, ++now)
        await new Promise((resolve) => setTimeout(resolve, 5))
        if (id % 2 === 0) now--
      }
      const other = await create()
      others.push(other)
      const deliveries = [recordDeliveries(work), recordDeliveries(work)] as const
      await start(deliveries[0])
      await start(deliveries[1], other)
      for (let id = 1; id <= 60; id++) await queue.add(id, { operation, key: id % 2 === 0 ? "even" : undefined })
      while (deliveries[0].delivered.length + deliveries[1].delivered.length < 60)
        await Promise.race(deliveries.map((one) => one.reached(one.delivered.length + 1)))
      expect(new Set(deliveries.flatMap((one) => one.delivered)).size).toBe(60)
      expect(most).toBe(1)
    })
  }
})
