import type { Job, Page } from "@pagoda/sdk"
import type { JobFilter } from "./filter.ts"

const path = "/api/v2/jobs"

export function toPage(filter: JobFilter, count: number, results: Job[]): Page<Job> {
  const { limit, offset } = filter
  const at = (other: number) => `${path}?${toQuery({ ...filter, offset: other })}`
  return {
    count,
    next: offset + limit < count ? at(offset + limit) : null,
    previous: offset > 0 ? at(Math.max(0, offset - limit)) : null,
    results,
  }
}

function toQuery(filter: JobFilter): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(filter)) if (value !== undefined) query.set(key, String(value))
  return query.toString()
}
