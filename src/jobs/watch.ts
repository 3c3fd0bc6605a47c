import type { Job, Json } from "@pagoda/sdk"
import type { Interest } from "./changes.ts"
import { cutParams } from "./listed.ts"
import { type JobRow, toJob } from "./records.ts"
import type { Report } from "./reporter.ts"
import type { JobChange } from "./revisions.ts"
import type { WatchersContext } from "./watchers.ts"

/** A job as it is told. */
export type State = {
  job: Job
  /** Everything of interest up to here was told: who comes back asks for what is after it. */
  revision: number
}

export type Watch = {
  /** The next state; `undefined` once it is closed. Whoever reads slowly misses old states, never the newest. */
  next(): Promise<State | undefined>
  changed(change: JobChange | null): void
  reported(row: JobRow, report: Report): void
  wrote(row: JobRow): void
  finish(): Promise<void>
  close(): void
}

type WatchOptions = Pick<WatchersContext, "changes" | "latest"> & {
  interest: Interest
  after: number
  /** Somebody was told of all up to `after`, so far as that was committed. */
  isResumed: boolean
}
type Waiting = { row: JobRow; job: Job }

const mostWaiting = 1_000
const batch = 100
/** Milliseconds between two looks for many jobs, however much changes. */
const pace = 100

export function createWatch({ changes, latest, interest, after, isResumed }: WatchOptions): Watch {
  const isOne = "job" in interest
  /** Seen in this process, in order. */
  let waiting: Waiting[] = []
  /** Read, in the order of their revisions. */
  let rows: JobRow[] = []
  /** Committed after others with a later revision. */
  const late = new Set<number>()
  const told = createTold()
  const params = new WeakMap<JobRow, Json>()
  let state: "open" | "finished" | "closed" = "open"
  let shouldLook = true
  let shouldLookBack = isResumed
  let cursor = after
  let position = after
  let lookedAt = 0
  let looking: Promise<void> | undefined
  let wake = () => {}

  const cares = ({ id, user_id, hidden }: Pick<JobChange, "id" | "user_id" | "hidden">) =>
    isOne
      ? id === interest.job
      : (interest.hidden || !hidden) && (interest.user_id === undefined || interest.user_id === user_id)

  const read = async () => {
    shouldLook = false
    lookedAt = performance.now()
    const ids = [...late]
    late.clear()
    const found = ids.length > 0 ? await changes.some(ids) : []
    const overtaken = shouldLookBack ? await changes.overtaken(after, interest) : []
    shouldLookBack = false
    const fresh = await changes.after(cursor, interest, batch)
    if (fresh.length === batch) shouldLook = true
    cursor = fresh.at(-1)?.revision ?? cursor
    rows.push(...overtaken, ...found, ...fresh)
  }
  const look = () => {
    looking ??= read().finally(() => {
      looking = undefined
    })
    return looking
  }

  /** Of a row that is whole, as it is also where one is read. */
  const paramsOf = (row: JobRow) => {
    if (!params.has(row)) params.set(row, cutParams(row.params))
    return params.get(row) as Json
  }
  const push = (row: JobRow, report: Partial<Report> | undefined) => {
    waiting.push({ row, job: { ...toJob(row), params: paramsOf(row), ...report } })
    if (waiting.length > mostWaiting) waiting.shift()
    wake()
  }

  const toState = ({ row, job }: Waiting, isRead: boolean): State | undefined => {
    if (!told.isNews(row, job)) return undefined
    if (isRead || isOne) position = Math.max(position, row.revision)
    return { job, revision: position }
  }

  const take = (): State | undefined => {
    while (true) {
      const seen = waiting.shift()
      const row = seen ? undefined : rows.shift()
      if (!seen && !row) return undefined
      const next = seen ? toState(seen, false) : toState(withLatest(row as JobRow), true)
      if (next) return next
    }
  }

  const latestOf = (row: JobRow) => (row.status === "processing" ? latest(row.id) : undefined)
  const withLatest = (row: JobRow): Waiting => ({ row, job: { ...toJob(row), ...latestOf(row) } })

  return {
    async next() {
      while (state !== "closed") {
        const next = take()
        if (next) return next
        if (state === "finished") return undefined
        if (!shouldLook && late.size === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        } else {
          const wait = isOne ? 0 : lookedAt + pace - performance.now()
          if (lookedAt > 0 && wait > 0) await Bun.sleep(wait)
          if (state === "open") await look()
        }
      }
      return undefined
    },
    changed(change) {
      if (change === null) {
        // also at those that were committed late: what was told is not told again
        cursor = Math.max(after, cursor - mostWaiting)
        shouldLook = true
      } else if (!cares(change) || told.has(change)) return
      else if (change.revision > cursor) shouldLook = true
      else late.add(change.id)
      if (late.size > mostWaiting) {
        late.clear()
        cursor = Math.min(cursor, position) - mostWaiting
        shouldLook = true
      }
      wake()
    },
    reported(row, report) {
      if (cares(row)) push(row, report)
    },
    wrote(row) {
      if (isOne && cares(row)) push(row, latestOf(row))
    },
    async finish() {
      if (state !== "open") return
      await looking
      await look()
      state = "finished"
      wake()
    },
    close() {
      state = "closed"
      waiting = []
      rows = []
      wake()
    },
  }
}

/** What was told of the jobs that were told of last. */
function createTold() {
  const last = new Map<number, { revision: number; digest: number | bigint }>()
  return {
    has: ({ id, revision }: JobChange) => (last.get(id)?.revision ?? -1) >= revision,
    isNews(row: JobRow, job: Job): boolean {
      // what they are never changes
      const digest = Bun.hash(JSON.stringify({ ...job, params: null }))
      const before = last.get(row.id)
      if (before && (before.revision > row.revision || before.digest === digest)) return false
      last.delete(row.id)
      last.set(row.id, { revision: row.revision, digest })
      if (last.size > mostWaiting) last.delete(last.keys().next().value as number)
      return true
    },
  }
}
