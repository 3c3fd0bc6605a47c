import type { User } from "@pagoda/sdk"
import { PagodaError } from "../errors.ts"

export type Users = { get(id: string): Promise<User | null> }

const second = 1_000

/**
 * The user with the rights that he has now: a long job must not outlive them.
 *
 * @param stale how old what is known of him may be, in milliseconds
 * @throws FORBIDDEN once he is gone
 */
export function createCurrentUser(users: Users, first: User, stale = second): () => Promise<User> {
  const { id, username } = first
  let user: User | null = first
  let asked = performance.now()
  return async () => {
    if (performance.now() - asked >= stale) {
      user = await users.get(id)
      asked = performance.now()
    }
    if (user?.is_active) return user
    throw new PagodaError("FORBIDDEN", `The user "${username}" does not exist any more or is not active`)
  }
}
