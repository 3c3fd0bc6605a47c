import type { User } from "@pagoda/sdk"

/** A user with all that the access rules ask of him, found once a request. */
export type Viewer = {
  readonly user: User
  /** Every rule is passed: he is an admin, or it is the system that looks. */
  readonly isAll: boolean
  /** His roles: his own, and those of his groups and of their parents. Empty where `isAll`. */
  readonly roleIds: readonly number[]
}
