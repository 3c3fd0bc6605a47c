import type { User } from "@pagoda/sdk"

export type Users = { get(id: string): Promise<User | null> }

/** Milliseconds that somebody's rights may lag behind, and how many people are known. */
const kept = { for: 1_000, most: 500 }

/** Many jobs of one user come together: asked for once a second. */
export function createRecentUsers(users: Users): Users {
  const known = new Map<string, { user: Promise<User | null>; until: number }>()
  return {
    get(id) {
      const now = performance.now()
      const found = known.get(id)
      if (found && found.until > now) return found.user
      if (known.size >= kept.most) known.clear()
      const user = users.get(id)
      user.catch(() => known.delete(id))
      known.set(id, { user, until: now + kept.for })
      return user
    },
  }
}
