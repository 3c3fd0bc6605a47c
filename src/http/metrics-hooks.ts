import type { HookCount, Hooks } from "../core/hooks.ts"
import type { Family } from "../metrics/exposition.ts"
import { Histogram } from "../metrics/histogram.ts"

type Sum = Pick<HookCount, "plugin" | "calls" | "failures" | "rejections" | "timeouts" | "times"> & { hook: string }

export function describeHooks(counts: HookCount[], backlog: Awaited<ReturnType<Hooks["backlog"]>>): Family[] {
  const sums = sumUp(counts)
  const counter = (name: string, help: string, field: "calls" | "failures" | "rejections" | "timeouts"): Family => ({
    name,
    help,
    type: "counter",
    samples: sums.map((sum) => [toLabels(sum), sum[field]]),
  })
  return [
    counter("pagoda_hook_calls_total", "Calls of hooks, since their plugin was loaded.", "calls"),
    counter("pagoda_hook_failures_total", "Calls that threw, or returned what does not fit.", "failures"),
    counter("pagoda_hook_rejections_total", "Calls that refused a write.", "rejections"),
    counter("pagoda_hook_timeouts_total", "Calls that took too long.", "timeouts"),
    {
      name: "pagoda_hook_duration_seconds",
      help: "How long calls took: of the first one and then of every 16th.",
      type: "histogram",
      samples: sums.map((sum) => [toLabels(sum), sum.times]),
    },
    {
      name: "pagoda_hook_deliveries_waiting",
      help: "Calls of durable hooks that are still to be made, of all processes.",
      type: "gauge",
      samples: backlog.map((one) => [toLabels(one), one.count]),
    },
    {
      name: "pagoda_hook_deliveries_oldest_seconds",
      help: "How long ago the change was that is not delivered yet, the oldest.",
      type: "gauge",
      samples: backlog.map((one) => [toLabels(one), one.oldest_seconds]),
    },
  ]
}

/** A plugin may have several handlers of one hook. */
function sumUp(counts: HookCount[]): Sum[] {
  const sums = new Map<string, Sum>()
  for (const count of counts) {
    const { plugin, name: hook, times } = count
    const key = `${plugin} ${hook}`
    let sum = sums.get(key)
    if (!sum) {
      sum = { plugin, hook, calls: 0, failures: 0, rejections: 0, timeouts: 0, times: new Histogram(times.bounds) }
      sums.set(key, sum)
    }
    for (const field of ["calls", "failures", "rejections", "timeouts"] as const) sum[field] += count[field]
    sum.times.merge(times)
  }
  return [...sums.values()]
}

function toLabels({ plugin, hook }: { plugin: string; hook: string }) {
  return { plugin, hook }
}
