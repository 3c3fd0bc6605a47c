import type { User } from "@pagoda/sdk"
import { type AnyElysia, Elysia } from "elysia"
import type { Accounts } from "../core/accounts.ts"
import type { Core } from "../core/core.ts"
import type { Jobs } from "../jobs/jobs.ts"
import type { Log } from "../log.ts"
import type { AdminEvents } from "../plugins/admin-events.ts"
import type { LimitSettings } from "../plugins/limit-settings.ts"
import type { PluginRecord } from "../plugins/record.ts"
import type { SwitchOptions } from "../plugins/registry.ts"
import type { Repairs } from "../plugins/repairs.ts"
import type { PluginSettings } from "../plugins/settings.ts"
import type { Transfer } from "../transfer/transfer.ts"
import type { OnPluginFailure } from "./problem.ts"
import type { RouteMeter } from "./route-meter.ts"

/** The plugins as the API sees them. */
export type PluginDirectory = {
  readonly apps: ReadonlyMap<string, AnyElysia>
  /** `true` once every plugin is active or known not to be. */
  readonly settled: boolean
  list(): PluginRecord[]
  get(id: string): PluginRecord | undefined
  setEnabled(id: string, enabled: boolean, options: SwitchOptions): Promise<PluginRecord>
}

export type HttpContext = {
  accounts: Accounts
  core: Core
  jobs: Jobs
  transfer: Transfer
  plugins: PluginDirectory
  settings: PluginSettings
  limits: LimitSettings
  repairs: Pick<Repairs, "list" | "settle">
  adminEvents: Pick<AdminEvents, "follow" | "notices">
  /** Makes what runs what the lockfile says now. */
  syncPlugins(): Promise<void>
  /** Told of an override that fails. */
  onPluginFailure?: OnPluginFailure
  meter: RouteMeter
  log: Log
}

type Empty = Record<never, never>

/** The app that the core's resources add their routes to; `user` is `null` only where a route says `auth: false`. */
export type CoreApp = Elysia<
  "",
  { decorator: Empty; store: Empty; derive: Empty; resolve: { user: User } },
  { typebox: Empty; error: Empty },
  { schema: Empty; standaloneSchema: Empty; macro: { auth?: boolean }; macroFn: Empty; parser: Empty; response: Empty }
>

export function createCore(): AnyElysia {
  return new Elysia({ handler: { standardHostname: false } }).decorate("user", null) as unknown as AnyElysia
}
