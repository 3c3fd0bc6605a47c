import type { User } from "@pagoda/sdk"
import { PagodaError } from "../../errors.ts"

/** @param what such as `make users`, for the message */
export function requireAdmin(user: User, what: string): void {
  if (!user.is_admin) throw new PagodaError("FORBIDDEN", `Cannot ${what}: only an admin may`)
}

/** Also of an admin: whoever is read-only never writes. */
export function requireWriter(user: User, what: string): void {
  if (user.is_readonly) throw new PagodaError("FORBIDDEN", `Cannot ${what}: the user "${user.username}" is read-only`)
}

/** @throws FORBIDDEN for whoever is no admin, and for one who is read-only */
export function requireAdminWriter(user: User, what: string): void {
  requireAdmin(user, what)
  requireWriter(user, what)
}
