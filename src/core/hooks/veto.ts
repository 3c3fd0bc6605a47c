import { PagodaError } from "../../errors.ts"
import type { RegisteredHook } from "../hooks.ts"

/** What `reject` of the SDK makes. */
export type Rejection = { message: string; code: string; path?: string }

/** Perhaps made in another process: told apart by its name and code. */
export function isRejection(error: unknown): error is Rejection {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown }
  return name === "PluginValidationError" && code === "REJECTED"
}

/** All that was refused, in one answer. */
export function toRefusal(refused: { plugin: string; rejection: Rejection }[]): PagodaError {
  const plugins = [...new Set(refused.map(({ plugin }) => plugin))]
  const issues = refused.map(({ rejection: { path = "", message, code } }) => ({ path, message, code }))
  const who = `plugin${plugins.length === 1 ? "" : "s"} ${plugins.map((plugin) => `"${plugin}"`).join(", ")}`
  const why = issues.map(({ message }) => message).join("; ")
  const [plugin] = plugins
  return new PagodaError("VALIDATION_FAILED", `The write is refused by ${who}: ${why}`, {
    issues,
    ...(plugins.length === 1 && plugin !== undefined && { plugin }),
  })
}

export function failedClosed({ plugin, name }: RegisteredHook): PagodaError {
  const problem = `plugin "${plugin}" failed in its hook "${name}", which is not to be skipped: the log says why`
  return new PagodaError("HOOK_FAILED", `Cannot write: ${problem}`, { plugin })
}
