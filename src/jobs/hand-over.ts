import type { Database, Transaction } from "../db/database.ts"
import type { Log } from "../log.ts"
import { type Undo, undoAll } from "../undo.ts"
import type { Operations } from "./operations.ts"
import type { Queue } from "./queue/queue.ts"
import type { JobRow, Records } from "./records.ts"

export type HandOverContext = {
  database: Database
  records: Records
  operations: Operations
  queue: Queue
  log: Log
}

/**
 * Gives rows that wait to a queue that is not in their database: a new one once it is committed, those of before at the
 * start or when their plugin is back.
 */
export type HandOver = {
  /** `handle`: of the transaction that wrote it. */
  one(row: JobRow, handle?: Transaction): Promise<void>
  start(): Promise<void>
  close(): void
}

const batch = 500
const channel = "job_waits"

export function createHandOver({ database, records, operations, queue, log }: HandOverContext): HandOver {
  let started = false
  const undos: Undo[] = []

  const add = ({ id, operation, serial_key, run_after, priority }: JobRow) => {
    const delay_ms = run_after === null ? 0 : Math.max(0, Date.parse(run_after) - Date.now())
    return queue.add(id, { operation, key: serial_key ?? undefined, delay_ms, priority })
  }

  const one = async (row: JobRow) => {
    if (!started) return
    try {
      await add(row)
    } catch (error) {
      // The row is committed: to answer with an error would be a lie, and the next start hands it over.
      log.error(`Job ${row.id} is not handed over to the queue before the next start`, { error })
    }
  }

  const committed = async (id: number) => {
    const row = await records.find(id)
    if (row?.status === "preparing") await one(row)
  }

  const all = async (operation?: number) => {
    let rows: JobRow[]
    let last = 0
    do {
      rows = await records.waiting(last, batch, operation)
      await Promise.all(rows.filter((row) => operations.get(row.operation)).map(add))
      last = rows.at(-1)?.id ?? last
    } while (started && rows.length === batch)
  }

  if (queue.inStatement) return { one: async () => {}, start: async () => {}, close: () => {} }
  return {
    async one(row, handle) {
      if (handle) await database.signals.publish(channel, String(row.id), handle)
      else await one(row)
    },
    async start() {
      started = true
      undos.push(
        database.signals.subscribe(channel, (id) => {
          if (id === null) return
          committed(Number(id)).catch((error) => log.error(`Job ${id} is not handed over`, { error }))
        }),
        operations.onRegister(({ number }) => {
          all(number).catch((error) => log.error(`Waiting jobs of operation ${number} are not handed over`, { error }))
        }),
      )
      await all()
    },
    close() {
      started = false
      void undoAll(undos)
    },
  }
}
