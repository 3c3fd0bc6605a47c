import type { JobNumbers } from "../jobs/jobs.ts"
import type { Family } from "../metrics/exposition.ts"

/** The core's own operations have no plugin. */
export function describeJobs({ operations, waiting, running }: JobNumbers): Family[] {
  const counted = (kind: "tries" | "ended", label: string) =>
    operations.flatMap((one) =>
      [...one[kind]].map(([value, count]) => [{ ...toLabels(one), [label]: value }, count] as const),
    )
  const tried = operations.filter(({ tries }) => tries.size > 0)
  return [
    {
      name: "pagoda_jobs_waiting",
      help: "Jobs that wait, of all processes.",
      type: "gauge",
      samples: waiting.map((one) => [toLabels(one), one.count]),
    },
    {
      name: "pagoda_jobs_oldest_waiting_seconds",
      help: "How long a job has been waiting since it could begin, the longest.",
      type: "gauge",
      samples: waiting.map((one) => [toLabels(one), one.oldest_seconds]),
    },
    {
      name: "pagoda_jobs_running",
      help: "Jobs that run, of all processes.",
      type: "gauge",
      samples: running.map((one) => [toLabels(one), one.count]),
    },
    {
      name: "pagoda_jobs_ended_total",
      help: "Jobs that ended in this process.",
      type: "counter",
      samples: counted("ended", "status"),
    },
    {
      name: "pagoda_job_tries_total",
      help: "Tries of jobs that ended in this process; another may follow one that failed.",
      type: "counter",
      samples: counted("tries", "outcome"),
    },
    {
      name: "pagoda_job_duration_seconds",
      help: "How long tries took in this process.",
      type: "histogram",
      samples: tried.map((one) => [toLabels(one), one.times]),
    },
  ]
}

function toLabels({ operation, plugin }: { operation: number; plugin: string | null }) {
  return { operation, plugin: plugin ?? "" }
}
