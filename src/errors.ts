/** One problem of a body, a query or a file: `path` is dotted from the root of what was checked. */
export type Issue = { path: string; message: string; code: string }

/** Code → HTTP status and title. A code never changes its meaning. */
export const catalogue = {
  // asking
  BODY_INVALID: [400, "The body is not valid JSON"],
  HOST_INVALID: [400, "The host of the request is invalid"],
  PATH_INVALID: [400, "The path of the request is invalid"],
  UNAUTHENTICATED: [401, "Authentication is required"],
  CREDENTIALS_INVALID: [401, "The credentials are wrong"],
  FORBIDDEN: [403, "This is not allowed"],
  ORIGIN_FORBIDDEN: [403, "The request comes from another origin"],
  NOT_FOUND: [404, "There is no such thing"],
  METHOD_NOT_ALLOWED: [405, "The method is not allowed here"],
  CONFLICT: [409, "The request conflicts with what is stored"],
  NAME_TAKEN: [409, "The name is taken"],
  VERSION_STALE: [412, "The version is stale"],
  BODY_TOO_LARGE: [413, "The body is too large"],
  MEDIA_TYPE_UNSUPPORTED: [415, "The media type is not supported"],
  RANGE_INVALID: [416, "The file has no such bytes"],
  VALIDATION_FAILED: [422, "The request does not fit"],
  NAME_MISSING: [422, "The name is missing"],
  NAME_INVALID: [422, "The name is no name"],
  NAME_TOO_LONG: [422, "The name is too long"],
  TOO_MANY_ATTEMPTS: [429, "There were too many failed attempts"],
  INTERNAL: [500, "Pagoda failed"],
  PLUGIN_FAILED: [500, "The plugin failed"],
  ASSET_NOT_FOUND: [404, "The plugin has no such file"],
  NOT_YET: [501, "This is not built yet"],
  STARTING: [503, "Pagoda is starting"],

  // jobs
  JOB_NOT_CANCELABLE: [409, "The job cannot be canceled"],
  JOB_RUNS: [409, "The job has not ended"],
  JOB_OVER: [409, "The job's try is over"],
  JOB_NOT_DOWNLOADABLE: [409, "The job cannot be downloaded"],
  JOB_NOT_FINISHED: [409, "The job has not finished"],
  JOB_HAS_NO_RESULT: [404, "The job has no result"],
  RESULT_TOO_LARGE: [413, "The result is too large"],
  SCHEDULE_INVALID: [422, "The schedule is invalid"],

  // hooks and overrides
  HOOK_FAILED: [422, "A plugin's hook failed"],
  OVERRIDE_CONFLICT: [409, "The operation is bound to another plugin"],

  // entries as files
  IMPORT_INVALID: [422, "The file cannot be imported"],

  // what a plugin may use
  LIMIT_EXCEEDED: [429, "The plugin is over its limit"],
  ANSWER_TOO_LARGE: [500, "The plugin's answer is too large"],
  ROUTE_TIMEOUT: [504, "The plugin took too long"],
  FETCH_REFUSED: [403, "The plugin may not ask that address"],
  FETCH_FAILED: [502, "The plugin's request to another host failed"],
  FETCH_TIMEOUT: [504, "The plugin's request to another host took too long"],
  FETCH_TOO_LARGE: [502, "The answer of another host is too large"],

  // configuration
  CONFIG_INVALID: [422, "The configuration is invalid"],
  USAGE: [422, "The command is wrong"],
  LISTEN_FAILED: [409, "The address cannot be listened on"],
  DATA_DIR_IN_USE: [409, "The data directory is in use"],
  SECRET_KEY_MISMATCH: [409, "The secret key is not the database's"],
  DATABASE_UNREACHABLE: [503, "The database cannot be reached"],
  DATABASE_UNSUPPORTED: [422, "The database server is too old"],
  DATABASE_NEWER: [409, "The database is newer than this program"],
  MIGRATION_CHANGED: [409, "An applied migration was changed"],

  // a plugin's own database
  QUERY_FAILED: [500, "The plugin's query failed"],
  QUERY_REFUSED: [500, "The plugin's query is refused"],
  MIGRATION_FAILED: [500, "The plugin's migration failed"],
  DATABASE_UNUSABLE: [500, "The file of a plugin's database cannot be used"],
  DATABASE_FORBIDDEN: [500, "The database server does not allow what a plugin needs"],

  // the way of a plugin
  LOCKFILE_INVALID: [422, "The lockfile is invalid"],
  SOURCE_INVALID: [422, "The source is invalid"],
  SOURCE_NOT_FOUND: [404, "The source does not exist"],
  SOURCE_REFUSED: [422, "The source is refused"],
  SOURCE_TOO_LARGE: [413, "The source is too large"],
  SOURCE_UNREACHABLE: [502, "The source cannot be reached"],
  SOURCE_TIMEOUT: [504, "The source took too long"],
  OFFLINE: [503, "The network is not allowed"],
  INTEGRITY_MISSING: [422, "The lockfile has no integrity"],
  INTEGRITY_MISMATCH: [409, "The integrity does not match"],
  SIGNATURE_INVALID: [409, "The registry's signature does not match"],
  STORE_DAMAGED: [409, "The store is damaged"],
  BUNDLE_FAILED: [422, "The plugin cannot be bundled"],
  IMPORT_FORBIDDEN: [403, "The plugin imports what it was not granted"],
  IMPORT_FAILED: [422, "The plugin cannot be imported"],
  IMPORT_TIMEOUT: [504, "The plugin's import does not settle"],
  PLUGIN_INVALID: [422, "The plugin is invalid"],
  PLUGIN_MISMATCH: [409, "The plugin is not what the lockfile says"],
  PLUGIN_INCOMPATIBLE: [409, "The plugin does not fit this host"],
  PLUGIN_DUPLICATE: [409, "The plugin's id is taken"],
  JOB_NUMBER_TAKEN: [409, "The job number is taken"],
  DEPENDENCY_FAILED: [409, "A plugin that this one needs is not active"],
  PLUGIN_NEEDED: [409, "Other plugins need this one"],
  PERMISSION_MISSING: [403, "The plugin was not granted what it asks for"],
  QUARANTINED: [503, "The plugin failed too often"],
  INITIALIZE_FAILED: [500, "The plugin's initialize failed"],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ErrorCode = keyof typeof catalogue

export type ErrorDetails = { issues?: Issue[]; plugin?: string; cause?: unknown; headers?: Record<string, string> }

/** Every error that Pagoda makes on purpose. Its message says what failed, what is, what was wanted, and what mends it. */
export class PagodaError extends Error {
  override name = "PagodaError"
  readonly code: ErrorCode
  readonly issues: Issue[] | undefined
  readonly plugin: string | undefined
  /** Headers that the answer carries, such as `Retry-After`. */
  readonly headers: Record<string, string> | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.code = code
    this.issues = details.issues
    this.plugin = details.plugin
    this.headers = details.headers
  }

  get status(): number {
    return catalogue[this.code][0]
  }

  get title(): string {
    return catalogue[this.code][1]
  }
}

/** The message of anything that was thrown. What foreign code throws may throw again when it is looked at. */
export function toMessage(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return "something that cannot be shown"
  }
}

/** The error if it is one of ours. */
export function toPagodaError(thrown: unknown): PagodaError | undefined {
  try {
    return thrown instanceof PagodaError ? thrown : undefined
  } catch {
    return undefined
  }
}
