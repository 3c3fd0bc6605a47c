import type { SQL } from "drizzle-orm"
import type { Transaction } from "../../db/database.ts"
import type { Undo } from "../../undo.ts"

/**
 * What brings jobs to the runner. The `job` table is the truth: a queue only delivers ids, at least once, and may deliver
 * one that is over already.
 */
export type Queue = {
  /** This process, as the rows that it runs name it; `null` where there is only one. */
  readonly worker: string | null
  /**
   * Where the queue is in the job's own database: adds the row that a write left waiting, evaluated in that write's
   * RETURNING. Then nothing can get lost between the two, and `add` is only for what was lost otherwise.
   */
  readonly inStatement: InStatement | undefined
  /** Settles when rows can be written: `inStatement` needs more than the row's own table. */
  ready(): Promise<void>
  /** While the id waits, adding it again changes nothing; while its work runs, it is delivered again afterwards. */
  add(id: number, options: DeliveryOptions): Promise<void>
  /** Where several processes share the queue, ids of operations that this one does not serve stay for those that do. */
  serve(operation: number): Undo
  /** From now on ids are delivered. */
  start(receiver: Receiver): Promise<void>
  /** Forgets an id that waits; one whose work runs is left alone. */
  cancel(id: number): Promise<void>
  /** Delivers nothing more. Does not wait for work that runs. */
  pause(): void
  /** After `pause`: what this process still holds can be delivered by another at once. Does not wait for work that runs. */
  close(): Promise<void>
}

export type InStatement = {
  /** For rows that were never in the queue: adding one of those takes a tenth of the time. */
  readonly first: SQL
  readonly again: SQL
}

/** Ids of one `key` are worked on one at a time, in order; those with a lower `priority` come first. */
export type DeliveryOptions = { operation: number; key?: string | undefined; delay_ms?: number; priority?: number }

export type Receiver = {
  /** What it throws is logged, and the id delivered again later. */
  work(id: number): Promise<void>
  /** Another process may work on what this one works on. */
  letGo(): void
  /** Rows that a process which is gone had begun wait again; gives how many. */
  reclaim(handle?: Transaction): Promise<number>
}
