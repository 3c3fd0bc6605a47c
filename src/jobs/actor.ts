import type { User } from "@pagoda/sdk"
import { systemUser } from "../core/access.ts"
import type { Operation } from "./operations.ts"
import type { JobRow } from "./records.ts"

/** What a job is caused by that no user caused, such as a schedule made by `initialize`. */
export const nobody: User = Object.freeze({ ...systemUser, is_admin: false, is_readonly: true })

/** Who a job runs as, with the rights that he has now. */
export async function findActor(
  users: { get(id: string): Promise<User | null> },
  { user_id }: Pick<JobRow, "user_id">,
  operation: Operation,
): Promise<User | null> {
  if (user_id !== systemUser.id) return users.get(user_id)
  return operation.plugin === null || operation.system ? systemUser : nobody
}
