import { PluginError, PluginSecurityError, PluginValidationError } from "@pagoda/sdk"
import { PagodaError, toMessage } from "../errors.ts"

const statuses = new WeakMap<object, number>()
const blamed = new WeakMap<object, string>()

/** The status of an error that `api.*` threw; nothing for errors of the plugin's own, whatever they look like. */
export function apiErrorStatus(error: unknown): number | undefined {
  return typeof error === "object" && error !== null ? statuses.get(error) : undefined
}

/** Marks what a plugin threw while it answered for the core. */
export function blame(plugin: string, thrown: unknown): unknown {
  const error = typeof thrown === "object" && thrown !== null ? thrown : new Error(toMessage(thrown))
  blamed.set(error, plugin)
  return error
}

/** The plugin that threw it while it answered for the core. */
export function blamedPlugin(error: unknown): string | undefined {
  return typeof error === "object" && error !== null ? blamed.get(error) : undefined
}

/** The core's errors leave as the SDK's, with the status that a route which lets them through answers. */
export function guard<Arguments extends unknown[], Result>(call: (...values: Arguments) => Promise<Result>) {
  return async (...values: Arguments): Promise<Result> => {
    try {
      return await call(...values)
    } catch (error) {
      throw error instanceof PagodaError ? toPluginError(error) : error
    }
  }
}

/** As the SDK has it, with its status. */
export function toPluginError(error: PagodaError): PluginError {
  const kind = error.status === 403 ? PluginSecurityError : error.status === 422 ? PluginValidationError : PluginError
  const made = new kind(error.message, { code: error.code, path: error.issues?.[0]?.path, cause: error })
  statuses.set(made, error.status)
  return made
}
