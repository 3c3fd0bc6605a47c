/**
 * What a plugin may ask of Pagoda. Every call is asynchronous and takes and returns plain JSON data, so that a plugin
 * runs the same in the host's process and in one of its own.
 *
 * @module
 */
import type { EntitiesApi, EntriesApi, HooksApi, PermissionsApi, ServicesApi } from "./api-data.ts"
import type { Job, JobStatus, JobTarget, Json, Page, User } from "./data.ts"
import type { JobDefinition } from "./plugin.ts"

/** The `api` of a request, a job or `initialize`: everything runs with the access of the user who caused it. */
export type Api<Settings = Record<string, unknown>> = {
  readonly entities: EntitiesApi
  readonly entries: EntriesApi
  readonly permissions: PermissionsApi
  readonly services: ServicesApi
  readonly hooks: HooksApi
  readonly jobs: JobsApi
  readonly settings: SettingsApi<Settings>
  readonly log: LogApi
  /**
   * A file of the plugin's own source.
   *
   * @example const template = await (await api.asset("templates/mail.txt")).text()
   * @throws `PluginError` with code `ASSET_NOT_FOUND`
   */
  asset(path: string): Promise<Response>
  /**
   * A variable of the host's environment; needs the permission `env:<NAME>`.
   *
   * @throws `PluginSecurityError` without the grant
   */
  env(name: string): Promise<string | undefined>
  /**
   * An HTTP request to another host; needs the permission `net:<host>` for it and for every host it is redirected to.
   *
   * @throws `PluginSecurityError` without the grant
   */
  fetch(input: string, init?: RequestInit): Promise<Response>
  /**
   * The same `api` with the access of another user; needs the permission `system`.
   *
   * @throws `PluginError` with code `NOT_FOUND`, also for one who is not active
   */
  as(user: Pick<User, "id">): Promise<Api<Settings>>
  /** The same `api` with access to everything; needs the permission `system`. */
  asSystem(): Promise<Api<Settings>>
}

/** Jobs of this plugin's own operations. */
export type JobsApi = {
  /**
   * Queues a job of one of the plugin's own operations; needs the permission `jobs:create`.
   *
   * @example const { id } = await api.jobs.create({ operation: 1001, params: { message: "Hi" } })
   * @throws `PluginValidationError` when the parameters do not fit the operation's schema
   */
  create(request: JobRequest): Promise<Job>
  /** @throws `PluginError` with code `NOT_FOUND`, also for another user's job */
  get(id: number): Promise<Job>
  list(filter?: JobFilter): Promise<Page<Job>>
  /** @throws `PluginError` with code `JOB_NOT_CANCELABLE` */
  cancel(id: number): Promise<Job>
  /** Adds an operation at run time, under the rules of the `jobs` of `definePlugin`. Not yet. */
  register(number: number, definition: JobDefinition): Promise<void>
  /** Runs an operation on a schedule (cron, UTC), once per cluster. Not yet. */
  schedule(number: number, cron: string, params?: Json): Promise<void>
}

/** What `api.jobs.create` takes. */
export type JobRequest = { operation: number; params?: Json; target?: JobTarget }

/** What `api.jobs.list` takes: `limit` is 30 when left out, 1–1000. */
export type JobFilter = { status?: JobStatus; operation?: number; limit?: number; offset?: number }

/** The plugin's own settings, typed by its schema. */
export type SettingsApi<Settings> = {
  get(): Promise<Settings>
  /** Merges and stores. Not yet. */
  set(settings: Partial<Settings>): Promise<void>
}

/** Lines in the host's log, marked with the plugin's id. */
export type LogApi = {
  debug(message: string, fields?: Record<string, Json>): Promise<void>
  info(message: string, fields?: Record<string, Json>): Promise<void>
  warn(message: string, fields?: Record<string, Json>): Promise<void>
  error(message: string, fields?: Record<string, Json>): Promise<void>
}
