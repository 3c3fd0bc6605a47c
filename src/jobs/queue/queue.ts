/**
 * What brings jobs to the runner. The `job` table is the truth: a queue only delivers ids, at least once, and may deliver
 * one that is over already.
 */
export type Queue = {
  /** While the id waits, adding it again changes nothing; while its work runs, it is delivered again afterwards. */
  add(id: number, options?: DeliveryOptions): Promise<void>
  /** From now on ids are delivered; whoever starts adds again what waited before. What `work` throws is logged and delivered again later. */
  start(work: Work): Promise<void>
  /** Forgets an id that waits; one whose work runs is left alone. */
  cancel(id: number): Promise<void>
  /** Delivers nothing more. Does not wait for work that runs. */
  close(): Promise<void>
}

/** Ids of one `key` are worked on one at a time, in order. */
export type DeliveryOptions = { key?: string; delay_ms?: number }

export type Work = (id: number) => Promise<void>
