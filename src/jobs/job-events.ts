import type { Job, User } from "@pagoda/sdk"
import { parseEventId } from "../event-id.ts"
import type { Changes } from "./changes.ts"
import { isFinal, type JobRow } from "./records.ts"
import type { Watchers } from "./watchers.ts"

/** Who comes back with an `id` is told what changed since. An event without data only says where a stream begins. */
export type JobEvent = { id: string; event: "job"; data: Job }
export type JobEventStart = { id: string; event?: undefined; data?: undefined }

export type EventOptions = { lastEventId?: string | undefined; signal: AbortSignal }
export type ListEventOptions = EventOptions & { all_users?: boolean | undefined; hidden?: boolean | undefined }

export type JobEvents = ReturnType<typeof createJobEvents>

export function createJobEvents({ watchers, changes }: { watchers: Watchers; changes: Changes }) {
  return {
    /** `true`: it has ended, and who has seen this event has seen its end. */
    isOver: ({ status, revision }: JobRow, lastEventId: string | undefined) =>
      isFinal(status) && parseEventId(lastEventId) === revision,

    /** Begins with the present state where that was not seen, ends after the final one. */
    async *one(row: JobRow, { lastEventId, signal }: EventOptions): AsyncGenerator<JobEvent> {
      const seen = parseEventId(lastEventId)
      const isSeen = seen !== undefined && seen <= row.revision
      if (isSeen && seen === row.revision && isFinal(row.status)) return
      const watch = watchers.watch({ job: row.id }, isSeen ? seen : -1, isSeen)
      const end = () => watch.close()
      signal.addEventListener("abort", end)
      try {
        if (signal.aborted) return
        for (let state = await watch.next(); state; state = await watch.next()) {
          yield { id: String(state.revision), event: "job", data: state.job }
          if (isFinal(state.job.status)) return
        }
      } finally {
        signal.removeEventListener("abort", end)
        watch.close()
      }
    },

    async *all(
      viewer: User,
      { all_users, hidden = false, lastEventId, signal }: ListEventOptions,
    ): AsyncGenerator<JobEvent | JobEventStart> {
      const user_id = all_users && viewer.is_admin ? undefined : viewer.id
      const newest = await changes.newest()
      const seen = parseEventId(lastEventId)
      const isResumed = seen !== undefined && seen <= newest
      const after = isResumed ? seen : newest
      const watch = watchers.watch({ user_id, hidden }, after, isResumed)
      const end = () => watch.close()
      signal.addEventListener("abort", end)
      try {
        if (signal.aborted) return
        yield { id: String(after) }
        for (let state = await watch.next(); state; state = await watch.next()) {
          yield { id: String(state.revision), event: "job", data: state.job }
        }
      } finally {
        signal.removeEventListener("abort", end)
        watch.close()
      }
    },
  }
}
