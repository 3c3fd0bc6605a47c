import type { Transaction } from "../db/database.ts"
import type { HandOver } from "./hand-over.ts"
import type { Queue } from "./queue/queue.ts"
import type { Expected, JobRow, NewJob, Records } from "./records.ts"

/** The one way for a row to wait: what waits is in the queue as well, or is handed over to it at the next start. */
export type Enqueue = {
  /** With a transaction's handle it is delivered once that commits, or never. */
  add(job: NewJob, handle?: Transaction): Promise<JobRow>
  /** A job that has been begun, or has ended, waits again; `undefined` where it is not what was expected. */
  again(id: number, expected: Expected, values: Omit<Partial<NewJob>, "status">): Promise<JobRow | undefined>
}

export type EnqueueContext = { records: Records; queue: Queue; handOver: HandOver }

export function createEnqueue({ records, queue, handOver }: EnqueueContext): Enqueue {
  return {
    async add(job, handle) {
      await queue.ready()
      const row = await records.insert(job, handle)
      await handOver.one(row, handle)
      return row
    },
    async again(id, expected, values) {
      await queue.ready()
      const row = await records.change(id, expected, { ...values, status: "preparing" })
      if (row) await handOver.one(row)
      return row
    },
  }
}
