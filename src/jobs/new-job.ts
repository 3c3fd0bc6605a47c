import type { JobTarget, Json, User } from "@pagoda/sdk"
import type { Operation } from "./operations.ts"
import type { NewJob } from "./records.ts"
import { toSerialKey, toTargetColumns } from "./target.ts"

export type JobOrigin = { params: Json; target?: JobTarget | null | undefined; user: Pick<User, "id" | "username"> }

/** A row that waits. @throws VALIDATION_FAILED for a target that does not fit */
export function toNewJob(operation: Operation, { params, target, user }: JobOrigin): NewJob {
  const about = toTargetColumns(target)
  const { number, name, plugin, cancelable, downloadable, hidden, priority, retention_days } = operation
  return {
    operation: number,
    operation_name: name,
    plugin,
    user_id: user.id,
    username: user.username,
    ...about,
    params,
    cancelable,
    downloadable,
    hidden,
    priority,
    retention_days,
    serial_key: toSerialKey(operation, about),
  }
}
