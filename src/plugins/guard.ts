import type { Log } from "../log.ts"
import { createFailures, type Failures } from "./failures.ts"
import { limitLog } from "./limit-log.ts"
import { createLimits, type Limits } from "./limits.ts"

/** What keeps plugins from harming the others: their limits, the count of their failures, and a log that they cannot flood. */
export type Guard = {
  readonly limits: Limits
  readonly failures: Failures
  readonly log: Log
  /** Says who takes out one that fails too often. */
  onTooMany(quarantine: (plugin: string, problem: string) => Promise<void>): void
}

export function createGuard(log: Log): Guard {
  const limits = createLimits()
  let quarantine: (plugin: string, problem: string) => Promise<void> = async () => {}
  const failures = createFailures({
    limits,
    onTooMany(plugin, problem) {
      quarantine(plugin, problem).catch((error) =>
        log.error(`Plugin "${plugin}" is to be quarantined, but is not: ${problem}`, { plugin, error }),
      )
    },
  })
  return {
    limits,
    failures,
    log: limitLog(log, limits),
    onTooMany(next) {
      quarantine = next
    },
  }
}
