import type { Time } from "@pagoda/sdk"
import type { ErrorCode } from "../errors.ts"
import type { Isolation } from "./lockfile.ts"

export type PluginState = "active" | "disabled" | "failed" | "quarantined"

/** Why a plugin is not active: the step of its way, and what went wrong there. */
export type PluginFailure = { step: string; code: ErrorCode; message: string; at: Time }

export type PluginRoute = { method: string; path: string; auth: boolean }
/** The counts are those of this process since the plugin was loaded. */
export type PluginHook = {
  name: string
  entity: string | null
  priority: number
  durable: boolean
  calls: number
  /** It threw, or what it returned does not fit. */
  failures: number
  /** It refused a write. */
  rejections: number
  timeouts: number
}
export type PluginJob = { number: number; name: string }

/** One plugin of the lockfile as the API shows it. What only its code can tell is empty until that was loaded. */
export type PluginRecord = {
  id: string
  name: string
  version: string
  description: string
  author: string
  state: PluginState
  source: string
  integrity: string | null
  permissions: string[]
  isolation: Isolation
  routes: PluginRoute[]
  hooks: PluginHook[]
  jobs: PluginJob[]
  overrides: string[]
  settings_schema: object | null
  /** Plugin id → semver range. */
  dependencies: Record<string, string>
  error?: PluginFailure
  /** Why it is disabled. */
  reason?: string
  load_ms: number
  /** The host is not ready while this one is not active. Not part of what is answered. */
  required: boolean
}
