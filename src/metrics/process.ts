import type { Family } from "./exposition.ts"

/** What this process costs. */
export async function readProcess(): Promise<Family[]> {
  const { user, system } = process.cpuUsage()
  const gauge = (name: string, help: string, value: number): Family => ({
    name,
    help,
    type: "gauge",
    samples: [[{}, value]],
  })
  return [
    {
      name: "process_cpu_seconds_total",
      help: "Time that processors spent on this process.",
      type: "counter",
      samples: [[{}, (user + system) / 1e6]],
    },
    gauge("process_resident_memory_bytes", "Memory of this process.", process.memoryUsage.rss()),
    gauge(
      "process_start_time_seconds",
      "When this process started, in seconds since 1970.",
      Math.round(performance.timeOrigin) / 1000,
    ),
    gauge(
      "pagoda_event_loop_lag_seconds",
      "How long work that is due had to wait, at the moment of this answer.",
      await measureLag(),
    ),
  ]
}

async function measureLag(): Promise<number> {
  const began = performance.now()
  await new Promise((resolve) => setImmediate(resolve))
  return (performance.now() - began) / 1000
}
