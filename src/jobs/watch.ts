import type { Job } from "@pagoda/sdk"
import type { Interest } from "./changes.ts"
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

type WatchOptions = Pick<WatchersContext, "changes" | "latest"> & { interest: Interest; after: number }
type Waiting = { row: JobRow; job: Job }

const mostWaiting = 1_000
const batch = 100
/** Milliseconds between two looks for many jobs, however much changes. */
const pace = 100

export function createWatch({ changes, latest, interest, after }: WatchOptions): Watch {
  const isOne = "job" in interest
  /** Seen in this process, in order. */
  let waiting: Waiting[] = []
  /** Read, in the order of their revisions. */
  let rows: JobRow[] = []
  /** Committed after others with a later revision. */
  const late = new Set<number>()
  const told = createTold()
  let state: "open" | "finished" | "closed" = "open"
  let shouldLook = true
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
    const fresh = await changes.after(cursor, interest, batch)
    if (fresh.length === batch) shouldLook = true
    cursor = fresh.at(-1)?.revision ?? cursor
    rows.push(...found, ...fresh)
  }
  const look = () => {
    looking ??= read().finally(() => {
      looking = undefined
    })
    return looking
  }

  const push = (row: JobRow, job: Job) => {
    waiting.push({ row, job })
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

  const withLatest = (row: JobRow): Waiting => {
    const report = row.status === "processing" ? latest(row.id) : undefined
    return { row, job: { ...toJob(row), ...report } }
  }

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
      if (cares(row)) push(row, { ...toJob(row), ...report })
    },
    wrote(row) {
      if (isOne && cares(row)) push(row, withLatest(row).job)
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
      const digest = Bun.hash(JSON.stringify(job))
      const before = last.get(row.id)
      if (before && (before.revision > row.revision || before.digest === digest)) return false
      last.delete(row.id)
      last.set(row.id, { revision: row.revision, digest })
      if (last.size > mostWaiting) last.delete(last.keys().next().value as number)
      return true
    },
  }
}
