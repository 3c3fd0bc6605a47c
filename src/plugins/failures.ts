import { DatabaseError } from "../db/database-error.ts"
import { catalogue, type ErrorCode, toMessage } from "../errors.ts"
import type { Limits } from "./limits.ts"

/**
 * Counts what plugins do not mean to do: what a route, a hook, an override or a job throws, answers that take too long,
 * and errors that come late. A refusal (`reject`, a `PluginError`, what `api.*` refuses) is none, nor is a job's try that
 * is followed by another one.
 */
export type Failures = {
  /** Never throws. */
  add(plugin: string, error: unknown): void
  /** What nobody waits for is a failure, whatever it says. */
  addLate(plugin: string, error: unknown): void
  /** Another version begins: it has not failed yet. */
  forget(plugin: string): void
}

export type FailuresOptions = {
  limits: Limits
  /** It failed more often within a minute than it may. The count then begins anew. */
  onTooMany(plugin: string, problem: string): void
  now?: () => number
}

const minute = 60_000
/** How much of a message is kept. */
const longest = 1_000

export function createFailures({ limits, onTooMany, now = () => performance.now() }: FailuresOptions): Failures {
  /** When each of the last ones was: never more than lead to quarantine. */
  const recent = new Map<string, number[]>()
  const count = (plugin: string, problem: string) => {
    const { failures_per_minute: most } = limits.of(plugin).values
    const time = now()
    const times = (recent.get(plugin) ?? []).filter((since) => time - since < minute)
    times.push(time)
    if (times.length <= most) {
      recent.set(plugin, times)
      return
    }
    recent.delete(plugin)
    onTooMany(plugin, `it failed ${times.length} times within a minute, at most ${most} are allowed; last: ${problem}`)
  }

  return {
    add(plugin, error) {
      if (!isMeant(error)) count(plugin, toMessage(error).slice(0, longest))
    },
    addLate(plugin, error) {
      count(plugin, `what nobody waits for: ${toMessage(error).slice(0, longest)}`)
    },
    forget: (plugin) => void recent.delete(plugin),
  }
}

/** A refusal that says what it means, or the core's own trouble: not what the plugin did wrong. */
function isMeant(error: unknown): boolean {
  try {
    if (error instanceof DatabaseError) return true
    const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown }
    if (typeof name !== "string" || !/^Plugin(?:Load|Validation|Security|Dependency)?Error$/.test(name)) return false
    return !(typeof code === "string" && code in catalogue && catalogue[code as ErrorCode][0] === 500)
  } catch {
    // what foreign code throws may throw again when it is looked at
    return false
  }
}
