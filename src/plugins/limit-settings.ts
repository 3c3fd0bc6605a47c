import { t, type User } from "@pagoda/sdk"
import { requireAdmin, requireWriter } from "../core/access/require-admin.ts"
import { parseBody } from "../core/body.ts"
import { PagodaError } from "../errors.ts"
import type { Installed } from "./installed.ts"
import { type LimitName, type Limits, type LimitValues, limitNames, standardLimits } from "./limits.ts"

/** Each limit as it is, as it would be if nobody had set it, and how often it refused something in this process. */
export type LimitSetting = { value: number; standard: number; refused: number }

export type LimitSettings = {
  /** Admins only. @throws FORBIDDEN, NOT_FOUND */
  get(user: User, id: string): Record<LimitName, LimitSetting>
  /** Those that the body names; `null` is the standard again. @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  change(user: User, id: string, body: unknown): Promise<Record<LimitName, LimitSetting>>
}

const value = t.Union([t.Integer({ minimum: 1, maximum: 1_000_000_000_000 }), t.Null()])
export const limitsBody = t.Partial(
  t.Object(Object.fromEntries(limitNames.map((name) => [name, value])) as Record<LimitName, typeof value>),
  { additionalProperties: false },
)

export type LimitSettingsContext = {
  installed: Pick<Installed, "read" | "setLimits">
  limits: Limits
  has(id: string): boolean
  /** Every other process that shares the database reads them again. */
  tell(id: string): Promise<void>
}

export function createLimitSettings({ installed, limits, has, tell }: LimitSettingsContext): LimitSettings {
  const check = (user: User, id: string, what: string) => {
    requireAdmin(user, what)
    if (!has(id)) throw new PagodaError("NOT_FOUND", `There is no plugin "${id}" in the lockfile`)
  }
  const toSettings = (id: string) => {
    const { values, refused } = limits.of(id)
    const all = limitNames.map((name) => [
      name,
      { value: values[name], standard: standardLimits[name], refused: refused[name] },
    ])
    return Object.fromEntries(all) as Record<LimitName, LimitSetting>
  }

  return {
    get(user, id) {
      check(user, id, "see the limits of a plugin")
      return toSettings(id)
    },
    async change(user, id, body) {
      const what = "change the limits of a plugin"
      check(user, id, what)
      requireWriter(user, what)
      const wanted = parseBody(what, limitsBody, body)
      await installed.setLimits(id, (before) => merge(before, wanted), user)
      limits.set((await installed.read()).limits)
      await tell(id)
      return toSettings(id)
    },
  }
}

function merge(
  before: Partial<LimitValues>,
  wanted: Partial<Record<LimitName, number | null>>,
): Partial<LimitValues> | null {
  const all = Object.entries({ ...before, ...wanted }).filter(([, limit]) => limit !== null)
  return all.length === 0 ? null : (Object.fromEntries(all) as Partial<LimitValues>)
}
