import type { Database } from "../db/database.ts"
import type { Log } from "../log.ts"
import { type Undo, undoAll } from "../undo.ts"
import { createEnqueue, type Enqueue } from "./enqueue.ts"
import { createHandOver } from "./hand-over.ts"
import type { JobMeter } from "./job-meter.ts"
import { createLogs, type Logs } from "./logs.ts"
import type { Operations } from "./operations.ts"
import type { Parts } from "./parts.ts"
import type { Queue } from "./queue/queue.ts"
import type { Users } from "./recent-users.ts"
import { createRecords, type JobRow, type Records } from "./records.ts"
import type { Report } from "./reporter.ts"
import { createResults } from "./results.ts"
import type { Revisions } from "./revisions.ts"
import { Runner } from "./runner.ts"
import { createTries } from "./tries.ts"
import type { Watchers } from "./watchers.ts"

export type DeliveryContext = {
  database: Database
  revisions: Revisions
  operations: Operations
  queue: Queue
  users: Users
  watchers: Pick<Watchers, "report">
  meter: JobMeter
  log: Log
}

/** From a row that waits to one that has ended. */
export type Delivery = {
  readonly records: Records
  readonly enqueue: Enqueue
  readonly parts: Parts
  readonly logs: Logs
  /** What a job that runs in this process reported last. */
  latest(id: number): Report | undefined
  /** Tells whichever process has it that a job was canceled. */
  canceled(row: JobRow): Promise<void>
  start(): Promise<void>
  close(options: { grace_ms: number }): Promise<void>
}

const channel = "job_canceled"

export function createDelivery(context: DeliveryContext): Delivery {
  const { database, revisions, operations, queue, users, watchers, meter, log } = context
  const records = createRecords(database, revisions, queue)
  const tries = createTries(database, revisions)
  const handOver = createHandOver({ database, records, operations, queue, log })
  const enqueue = createEnqueue({ records, queue, handOver })
  const results = createResults(database)
  const logs = createLogs(database, log)
  const runner = new Runner({ records, tries, enqueue, operations, users, queue, watchers, results, logs, meter, log })
  const undos: Undo[] = []

  const onCanceled = (which: string | null) => {
    if (which !== null) {
      const [id, attempts] = which.split(" ").map(Number) as [number, number]
      runner.cancel({ id, attempts })
    } else runner.lookAgain().catch((error) => log.error("It is not known which of the jobs are canceled", { error }))
  }

  return {
    records,
    enqueue,
    parts: results.parts,
    logs,
    latest: (id) => runner.latest(id),
    async canceled({ id, attempts }) {
      runner.cancel({ id, attempts })
      await queue.cancel(id)
      await database.signals.publish(channel, `${id} ${attempts}`)
    },
    async start() {
      undos.push(database.signals.subscribe(channel, onCanceled))
      undos.push(operations.accompany(({ number }) => queue.serve(number)))
      await queue.start({
        work: (id) => runner.work(id),
        letGo: () => runner.letGo(),
        reclaim: (handle) => records.reclaim(handle),
      })
      await handOver.start()
    },
    async close({ grace_ms }) {
      handOver.close()
      queue.pause()
      await runner.stop(grace_ms)
      await queue.close()
      await undoAll(undos)
    },
  }
}
