/**
 * The errors of the border between Pagoda and a plugin. Tell them apart by `code` or `name`, never by `instanceof`: an
 * error may come from another process.
 *
 * @module
 */

/** What may be said about an error besides its message. */
export type PluginErrorOptions = {
  /** Stable, upper case: `QUOTA_EXCEEDED`. */
  code?: string
  /** Dotted from the root of the body: `attrs.cpu`. */
  path?: string
  cause?: unknown
}

/**
 * Thrown by a plugin's route, the answer is 400 with this `code`, this message and the plugin's id.
 *
 * @example
 * throw new PluginError("the sheet has no header row", { code: "NO_HEADER" })
 */
export class PluginError extends Error {
  override name = "PluginError"
  readonly code: string
  readonly path: string | undefined

  constructor(message: string, options: PluginErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = options.code ?? "PLUGIN_ERROR"
    this.path = options.path
  }
}

/** The plugin cannot be loaded. */
export class PluginLoadError extends PluginError {
  override name = "PluginLoadError"
  constructor(message: string, options: PluginErrorOptions = {}) {
    super(message, { code: "PLUGIN_LOAD", ...options })
  }
}

/** What was given does not fit. From `api.*` it is answered with 422, thrown by the plugin itself with 400. */
export class PluginValidationError extends PluginError {
  override name = "PluginValidationError"
  constructor(message: string, options: PluginErrorOptions = {}) {
    super(message, { code: "PLUGIN_VALIDATION", ...options })
  }
}

/** A call of `api.*` without its grant; the message names the permission. A route that lets it through answers 403. */
export class PluginSecurityError extends PluginError {
  override name = "PluginSecurityError"
  constructor(message: string, options: PluginErrorOptions = {}) {
    super(message, { code: "PLUGIN_SECURITY", ...options })
  }
}

/** A plugin that this one needs is missing, disabled, failed, or of a version that does not fit. */
export class PluginDependencyError extends PluginError {
  override name = "PluginDependencyError"
  constructor(message: string, options: PluginErrorOptions = {}) {
    super(message, { code: "PLUGIN_DEPENDENCY", ...options })
  }
}

/**
 * Makes the error with which a `validate` or `before_*` hook refuses a write: the caller gets 422 with this message, and
 * nothing is written.
 *
 * @example
 * throw reject("names with \"forbidden\" are not allowed", { path: "name" })
 */
export function reject(message: string, options: { path?: string } = {}): PluginValidationError {
  return new PluginValidationError(message, { code: "REJECTED", ...options })
}
