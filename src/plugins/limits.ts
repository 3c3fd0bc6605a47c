/**
 * What a plugin may use in one process before it is refused, where no administrator set it otherwise: far more than a
 * normal one needs.
 */
export const standardLimits = {
  jobs_per_minute: 60_000,
  log_lines_per_second: 100,
  notices_per_minute: 30,
  body_bytes: 32 * 1024 * 1024,
  answer_bytes: 64 * 1024 * 1024,
  /** Until a route has its answer; how long a stream then lasts is free. */
  route_ms: 60_000,
  fetches_per_minute: 600,
  fetches_at_once: 32,
  fetch_ms: 30_000,
  fetch_bytes: 16 * 1024 * 1024,
  /** One more of these, and it is quarantined. */
  failures_per_minute: 5,
}

export type LimitName = keyof typeof standardLimits
export type LimitValues = Readonly<Record<LimitName, number>>

/** Those that are counted over a time, which is in their name. */
type RateName = "jobs_per_minute" | "log_lines_per_second" | "notices_per_minute" | "fetches_per_minute"

export const limitNames = Object.keys(standardLimits) as LimitName[]

/** The limits of one plugin: the same object for as long as the process lives, whatever becomes of the plugin. */
export type PluginLimits = {
  readonly plugin: string
  /** As they are now. */
  readonly values: LimitValues
  /** How often each was refused in this process. */
  readonly refused: Readonly<Record<LimitName, number>>
  /** Counts one use; `false`: it is one too many, and counted as refused. */
  take(name: RateName): boolean
  /** Counts a refusal. */
  refuse(name: LimitName): void
}

export type Limits = {
  of(plugin: string): PluginLimits
  /** What administrators set, by plugin; for all others it is the standard again. */
  set(stored: ReadonlyMap<string, Partial<LimitValues>>): void
}

const windows: Record<RateName, number> = {
  jobs_per_minute: 60_000,
  log_lines_per_second: 1_000,
  notices_per_minute: 60_000,
  fetches_per_minute: 60_000,
}

export function createLimits(now: () => number = () => performance.now()): Limits {
  const all = new Map<string, PluginLimits & { values: LimitValues }>()
  let stored: ReadonlyMap<string, Partial<LimitValues>> = new Map()
  const valuesOf = (plugin: string) => ({ ...standardLimits, ...stored.get(plugin) })

  return {
    of(plugin) {
      const known = all.get(plugin)
      if (known) return known
      const made = createPluginLimits(plugin, valuesOf(plugin), now)
      all.set(plugin, made)
      return made
    },
    set(next) {
      stored = next
      for (const [plugin, limits] of all) limits.values = valuesOf(plugin)
    },
  }
}

function createPluginLimits(plugin: string, values: LimitValues, now: () => number) {
  const refused = Object.fromEntries(limitNames.map((name) => [name, 0])) as Record<LimitName, number>
  const used = new Map<RateName, { since: number; count: number }>()
  const limits = {
    plugin,
    values,
    refused,
    take(name: RateName): boolean {
      const time = now()
      const before = used.get(name)
      const window = before && time - before.since < windows[name] ? before : { since: time, count: 0 }
      if (window !== before) used.set(name, window)
      if (++window.count <= limits.values[name]) return true
      refused[name]++
      return false
    },
    refuse(name: LimitName): void {
      refused[name]++
    },
  }
  return limits
}
