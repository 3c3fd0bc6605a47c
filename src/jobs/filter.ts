import type { JobStatus } from "@pagoda/sdk"
import { Type } from "@sinclair/typebox"
import { PagodaError } from "../errors.ts"
import { toIssues } from "../issues.ts"

export type JobFilter = {
  status?: JobStatus
  operation?: number
  plugin?: string
  /** Honoured for administrators only. */
  all_users?: boolean | undefined
  /** Hidden ones as well. */
  hidden?: boolean | undefined
  limit: number
  offset: number
}

const statuses: JobStatus[] = ["preparing", "processing", "done", "warning", "error", "timeout", "canceled"]

const schema = Type.Object(
  {
    status: Type.Optional(Type.Union(statuses.map((status) => Type.Literal(status)))),
    operation: Type.Optional(Type.Integer({ minimum: 1, maximum: 9999 })),
    plugin: Type.Optional(Type.String()),
    all_users: Type.Optional(Type.Boolean()),
    hidden: Type.Optional(Type.Boolean()),
    limit: Type.Integer({ minimum: 1, maximum: 1000 }),
    offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  },
  { additionalProperties: false },
)

/** A plugin may ask for anything: its types end where its code is plain JavaScript. @throws VALIDATION_FAILED */
export function checkFilter(filter: JobFilter): void {
  const issues = toIssues(schema, filter)
  if (issues.length === 0) return
  const list = issues.map(({ path, message }) => `${path}: ${message}`).join("; ")
  throw new PagodaError("VALIDATION_FAILED", `Cannot list jobs: ${list}`, { issues })
}
