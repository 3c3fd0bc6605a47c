import { toPagodaError } from "../errors.ts"
import type { Log } from "../log.ts"
import type { ReportRepair } from "./database/repair.ts"
import { describeActive, describeFailure, describeLocked } from "./describe.ts"
import type { Step } from "./load.ts"
import type { LockedPlugin } from "./lockfile.ts"
import type { PluginFailure, PluginRecord } from "./record.ts"
import type { RunningPlugin } from "./running.ts"

/** What runs and what does not: every change of it is written down here. */
export type Roster = {
  readonly running: ReadonlyMap<string, RunningPlugin>
  readonly records: ReadonlyMap<string, PluginRecord>
  /** It answers; an older version of it leaves. */
  enter(plugin: RunningPlugin, load_ms: number): void
  /** What runs is what the lockfile says: an update that failed is wanted no more. */
  settle(id: string): void
  disable(id: string, locked: LockedPlugin, reason: string): void
  /** It failed too often: it is kept from running, and administrators are told. */
  quarantine(id: string, locked: LockedPlugin, error: PluginFailure): void
  /** What fails while an older version runs leaves that one running, and its record says so. */
  fail(id: string, locked: LockedPlugin, step: Step, thrown: unknown): void
  /** They answer no more from now on; the last of the list goes first. */
  takeOut(ids: readonly string[]): void
  /** The lockfile does not have it any more. */
  forget(id: string): void
  /** Waits for all that left until now to be gone. */
  departed(): Promise<void>
}

export function createRoster({ log, repairs }: { log: Log; repairs: ReportRepair }): Roster {
  const running = new Map<string, RunningPlugin>()
  const records = new Map<string, PluginRecord>()
  const departing = new Set<Promise<void>>()
  const updateFailed = (id: string) => ({ plugin: id, code: "UPDATE_FAILED" })

  const depart = (plugins: RunningPlugin[]) => {
    const gone = (async () => {
      for (const plugin of plugins) await plugin.leave()
    })()
    departing.add(gone)
    gone.finally(() => departing.delete(gone))
  }

  const settle = (id: string) => {
    const record = records.get(id)
    if (!record?.error) return
    delete record.error
    repairs.resolve(updateFailed(id))
  }

  /** It is about to be something else. */
  const release = (id: string) => {
    if (records.get(id)?.state === "quarantined") repairs.resolve({ plugin: id, code: "QUARANTINED" })
  }

  return {
    running,
    records,
    enter(plugin, load_ms) {
      const { id } = plugin.loaded
      const older = running.get(id)
      settle(id)
      release(id)
      running.set(id, plugin)
      records.set(id, describeActive(plugin, load_ms))
      if (older) depart([older])
    },
    settle,
    disable(id, locked, reason) {
      release(id)
      records.set(id, describeLocked(id, locked, { state: "disabled", reason }))
    },
    quarantine(id, locked, error) {
      const isTold = records.get(id)?.error?.at === error.at
      records.set(id, describeLocked(id, locked, { state: "quarantined", error }))
      if (isTold) return
      const { code, message, step } = error
      log.error(message, { plugin: id, step, code })
      repairs.report({ plugin: id, code, severity: "error", message, mend: `pagoda plugin enable ${id}` })
    },
    fail(id, locked, step, thrown) {
      release(id)
      const error = describeFailure(step, thrown)
      log.error(error.message, { plugin: id, step, code: error.code, cause: toPagodaError(thrown)?.cause })
      const record = records.get(id)
      if (!running.has(id) || !record) {
        records.set(id, describeLocked(id, locked, { state: "failed", error }))
        return
      }
      record.error = error
      const { version } = record
      const message = `Plugin "${id}" still runs in version ${version}; the one of the lockfile failed: ${error.message}`
      repairs.report({
        ...updateFailed(id),
        severity: "error",
        message,
        mend: `mend the plugin or its lockfile entry, then run "pagoda plugin sync"`,
      })
    },
    takeOut(ids) {
      const leaving = ids.flatMap((id) => running.get(id) ?? []).reverse()
      for (const plugin of leaving) {
        const { id } = plugin.loaded
        plugin.withdraw()
        settle(id)
        running.delete(id)
        records.delete(id)
      }
      if (leaving.length > 0) depart(leaving)
    },
    forget(id) {
      release(id)
      records.delete(id)
    },
    async departed() {
      await Promise.all(departing)
    },
  }
}
