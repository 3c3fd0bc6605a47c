import type { Log } from "../log.ts"
import type { Undo } from "../undo.ts"
import type { Operations } from "./operations.ts"
import type { Queue } from "./queue/queue.ts"
import type { JobRow, Records } from "./records.ts"

export type HandOverContext = { records: Records; operations: Operations; queue: Queue; log: Log }

/** Gives rows that are committed to the queue: a new one at once, those of before at the start or when their plugin is back. */
export type HandOver = {
  one(row: JobRow): Promise<void>
  start(): Promise<void>
  close(): void
}

const batch = 500

export function createHandOver({ records, operations, queue, log }: HandOverContext): HandOver {
  let started = false
  let undo: Undo = () => {}

  const add = (row: JobRow) => {
    const delay_ms = row.run_after === null ? 0 : Math.max(0, Date.parse(row.run_after) - Date.now())
    return queue.add(row.id, { key: row.serial_key ?? undefined, delay_ms })
  }

  // Without its operation a job stays where it is; one that was killed is delivered all the same, to be shown as waiting.
  const all = async (operation?: number) => {
    let rows: JobRow[]
    let last = 0
    do {
      rows = await records.open(last, batch, operation)
      const due = rows.filter((row) => row.status === "processing" || operations.get(row.operation))
      await Promise.all(due.map(add))
      last = rows.at(-1)?.id ?? last
    } while (started && rows.length === batch)
  }

  return {
    async one(row) {
      if (!started) return
      try {
        await add(row)
      } catch (error) {
        // The row is committed: to answer with an error would be a lie, and the next start hands it over.
        log.error(`Job ${row.id} is not handed over to the queue before the next start`, { error })
      }
    },
    async start() {
      started = true
      undo = operations.onRegister(({ number }) => {
        all(number).catch((error) => log.error(`Waiting jobs of operation ${number} are not handed over`, { error }))
      })
      await all()
    },
    close() {
      started = false
      undo()
    },
  }
}
