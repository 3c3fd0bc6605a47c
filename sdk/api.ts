/**
 * What a plugin may ask of Pagoda. Every call is asynchronous and takes and returns plain JSON data, so that a plugin
 * runs the same in the host's process and in one of its own.
 *
 * @module
 */
import type { EntitiesApi, EntriesApi, HooksApi, List, PermissionsApi, ServicesApi } from "./api-data.ts"
import type { Job, JobStatus, JobTarget, Json, User } from "./data.ts"
import type { DatabaseApi } from "./database.ts"
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
  /** The plugin's own database. */
  readonly db: DatabaseApi
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
   * `https:` everywhere, `http:` on loopback alone; private addresses only where the grant names the address itself. The
   * answer was read to its end.
   *
   * @example
   * const response = await api.fetch("https://api.example.com/v1/hosts", { method: "POST", body: JSON.stringify(host) })
   *
   * @throws `PluginSecurityError` without the grant; `PluginError` with code `FETCH_FAILED`, `FETCH_TIMEOUT`,
   * `FETCH_TOO_LARGE`, or `LIMIT_EXCEEDED` where it asks more often than it may
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
  /** Newest first; hidden ones are left out unless asked for. */
  list(filter?: JobFilter): Promise<List<Job>>
  /** @throws `PluginError` with code `JOB_NOT_CANCELABLE` */
  cancel(id: number): Promise<Job>
  /**
   * Adds an operation at run time, under the rules of the `jobs` of `definePlugin`, until the plugin leaves. Its jobs wait
   * in a process that has not registered it.
   *
   * @example await api.jobs.register(1002, job({ name: "REBUILD_INDEX", run: async () => "done" }))
   * @throws `PluginError` with code `JOB_NUMBER_TAKEN`, or `PluginValidationError` with code `PLUGIN_INVALID`
   */
  register(number: number, definition: JobDefinition): Promise<void>
  /**
   * Makes a job of one of the plugin's own operations again and again: `cron` has five fields in UTC (minute, hour, day of
   * the month, month, day of the week), or is `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`; `null` takes the
   * schedule back. Each job is made once however many processes there are; of those that were missed, one is made. The
   * operation has one schedule for the same `params`: calling it again, as `initialize` does at each start, changes nothing
   * or the time. Needs the permission `jobs:create`.
   *
   * The jobs run as the user who called it. In `initialize` that is nobody: such a job reads what everyone may read and
   * writes nothing, unless the plugin was granted `system`, which lets it do everything.
   *
   * @example await api.jobs.schedule(1001, "30 3 * * *", { message: "Good night" })
   * @throws `PluginValidationError` with code `SCHEDULE_INVALID`, or when the parameters do not fit
   */
  schedule(number: number, cron: string | null, params?: Json): Promise<void>
}

/** What `api.jobs.create` takes. */
export type JobRequest = { operation: number; params?: Json; target?: JobTarget }

/** What `api.jobs.list` takes: `limit` is 30 when left out, 1–1000. */
export type JobFilter = { status?: JobStatus; operation?: number; hidden?: boolean; limit?: number; offset?: number }

/** The plugin's own settings, typed by its schema. */
export type SettingsApi<Settings> = {
  /** As they are now, defaults filled in: ask again rather than keep them. What is optional and not set is `undefined`. */
  get(): Promise<Settings>
  /**
   * Stores those that are given and leaves the others; `null` returns one to its default. Whatever the user may, the
   * plugin may do it: it needs no permission. It takes effect as an administrator's change does, in every process, and
   * calls `onSettings`.
   *
   * @example await api.settings.set({ GREETING: "Good morning", API_KEY: null })
   * @throws `PluginValidationError` when they do not fit the plugin's schema; nothing is stored then
   */
  set(changes: SettingsChanges<Settings>): Promise<void>
}

/** What `api.settings.set` takes. */
export type SettingsChanges<Settings> = { [Key in keyof Settings]?: Settings[Key] | null | undefined }

/**
 * Lines in the host's log, marked with the plugin's id. Those of a job are kept with it as well, up to 1000. Of a field called
 * `time`, `level`, `message` or `plugin` the host's log writes the name with a `_` behind it.
 */
export type LogApi = {
  debug(message: string, fields?: Record<string, Json>): Promise<void>
  info(message: string, fields?: Record<string, Json>): Promise<void>
  warn(message: string, fields?: Record<string, Json>): Promise<void>
  error(message: string, fields?: Record<string, Json>): Promise<void>
}
