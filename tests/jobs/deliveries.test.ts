import { expect, test } from "bun:test"
import { sql } from "drizzle-orm"
import { createDeliveries } from "../../src/jobs/queue/deliveries.ts"
import { openQueue } from "../../src/jobs/queue/open.ts"
import { createLog } from "../../src/log.ts"
import { eachDatabase } from "../support/database.ts"

const log = createLog({ level: "error", format: "json" })

eachDatabase((dialect, open) => {
  if (dialect === "sqlite") return

  async function prepare() {
    const database = await open()
    const queue = await openQueue({ url: database.place.url, database, log })
    await queue.ready()
    const keys = async () => {
      const rows = await database.db.execute(sql`select queue_name from graphile_worker._private_job_queues order by 1`)
      return rows.map(({ queue_name }) => queue_name)
    }
    return { database, deliveries: createDeliveries(database), keys }
  }

  test("clear() removes the keys that no job has any more, and those only", async () => {
    const { deliveries, keys } = await prepare()
    await deliveries.add(1, { operation: 1001, key: "one" })
    await deliveries.add(2, { operation: 1001, key: "two" })
    await deliveries.remove(1)
    expect(await keys()).toEqual(["one", "two"])
    await deliveries.clear()
    expect(await keys()).toEqual(["two"])
  })

  test("clear() gives up while a job with a key is being added, which keeps its key", async () => {
    const { database, deliveries, keys } = await prepare()
    const other = createDeliveries(await open({ place: database.place }))
    await deliveries.add(1, { operation: 1001, key: "one" })
    await deliveries.remove(1)
    await database.transaction(async (handle) => {
      const columns = sql`'job_1001', '{"id":2}', queue_name => 'one', job_key => '2', job_key_mode => 'unsafe_dedupe'`
      await handle.execute(sql`select (graphile_worker.add_job(${columns})).id`)
      await expect(other.clear()).rejects.toMatchObject({ code: "55P03" })
    })
    await deliveries.clear()
    expect(await keys()).toEqual(["one"])
  })

  test("repair() adds rows that wait and that the queue has lost", async () => {
    const { database, deliveries } = await prepare()
    const row = { operation: 1001, operation_name: "X", user_id: "u", username: "u", params: {} }
    const { job } = database.tables
    const [made] = await database.db.insert(job).values(row).returning()
    await database.db.insert(job).values({ ...row, status: "done" })
    await deliveries.repair()
    await deliveries.repair()
    const found = await database.db.execute(sql`select key from graphile_worker.jobs`)
    expect(found.map(({ key }) => key)).toEqual([String(made?.id)])
  })

  test("what a dead process holds is free again, what a living one holds is not", async () => {
    const { database, deliveries } = await prepare()
    const { job_worker } = database.tables
    const ago = (seconds: number) => sql`now() - ${seconds} * interval '1 second'` as never
    await database.db.insert(job_worker).values([
      { id: "dead", seen_at: ago(11) },
      { id: "alive", seen_at: ago(6) },
    ])
    for (const id of [1, 2, 3]) await deliveries.add(id, { operation: 1001, key: `key ${id}` })
    const hold = (worker: string, id: number) =>
      database.db.execute(sql`with held as (
        update graphile_worker._private_jobs set locked_at = now(), locked_by = ${worker}, attempts = 1
        where key = ${String(id)} returning job_queue_id
      ) update graphile_worker._private_job_queues queue set locked_at = now(), locked_by = ${worker}
        from held where queue.id = held.job_queue_id`)
    await hold("dead", 1)
    await hold("alive", 2)
    expect(await deliveries.takeOver(async () => 5)).toEqual({ processes: 1, jobs: 5 })
    const rows = await database.db.execute(
      sql`select key, locked_by, attempts from graphile_worker._private_jobs order by key`,
    )
    expect(rows.map(({ key, locked_by, attempts }) => [key, locked_by, attempts])).toEqual([
      ["1", null, 0],
      ["2", "alive", 1],
      ["3", null, 0],
    ])
    const queues = await database.db.execute(sql`select locked_by from graphile_worker._private_job_queues order by 1`)
    expect(queues.map(({ locked_by }) => locked_by)).toEqual(["alive", null, null])
  })
})
