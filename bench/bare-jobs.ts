/**
 * A bare queue, for `bun run bench`: bun bench/bare-jobs.ts <file or postgres://…> <jobs>… Adds as many jobs as each round
 * says, so many at once, and does them at the same time; prints what each round took as a line of JSON: "5000x10" "1000x1".
 */
import { jobLanes, type Round, toLatencies, toRound } from "./job-rounds.ts"

const [place = "", ...rounds] = process.argv.slice(2)
let left = 0
let over = Promise.withResolvers<void>()

async function work(): Promise<void> {
  if (--left === 0) over.resolve()
}

async function openSqlite() {
  const { QueueManager } = await import("bunqueue/queue")
  const manager = new QueueManager({ dataPath: place, maxQueueEvents: 0, maxMetricDataPoints: 0 })
  const lane = async () => {
    for (;;) {
      const job = await manager.pull("jobs", 60_000)
      if (!job) continue
      await work()
      await manager.ack(job.id, undefined, undefined, { removeOnComplete: true })
    }
  }
  for (let lanes = 0; lanes < jobLanes; lanes++) void lane()
  return (id: number) =>
    manager.push("jobs", { data: { id }, durable: true, removeOnComplete: true, maxAttempts: 25, backoff: 0 })
}

async function openPostgres() {
  const { Logger, run } = await import("graphile-worker")
  const runner = await run({
    connectionString: place,
    concurrency: jobLanes,
    noHandleSignals: true,
    parsedCronItems: [],
    logger: new Logger(() => () => {}),
    taskList: { work },
  })
  return (id: number) => runner.addJob("work", { id })
}

async function measure(add: (id: number) => Promise<unknown>, { jobs, atOnce }: Round) {
  left = jobs
  over = Promise.withResolvers()
  const times: number[] = []
  let next = 0
  const began = performance.now()
  const lane = async () => {
    while (next < jobs) {
      const start = performance.now()
      await add(next++)
      times.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  await over.promise
  return { ...toLatencies(times), all_ms: performance.now() - began }
}

const add = await (place.startsWith("postgres:") ? openPostgres() : openSqlite())
for (const round of rounds) console.log(JSON.stringify(await measure(add, toRound(round))))
process.exit(0)
