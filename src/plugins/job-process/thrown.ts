import {
  PluginDependencyError,
  PluginError,
  PluginLoadError,
  PluginSecurityError,
  PluginValidationError,
} from "@pagoda/sdk"
import { toReason } from "../../jobs/text.ts"
import type { Thrown } from "./messages.ts"

const kinds: Readonly<Record<string, typeof PluginError>> = {
  PluginError,
  PluginLoadError,
  PluginValidationError,
  PluginSecurityError,
  PluginDependencyError,
}

/** What was thrown, as plain data. It may throw again when it is looked at. */
export function toThrown(thrown: unknown): Thrown {
  const message = toReason(thrown)
  try {
    if (!(thrown instanceof Error)) return { name: "Error", message }
    const { code, path } = thrown as { code?: unknown; path?: unknown }
    return {
      name: String(thrown.name),
      message,
      ...(typeof code === "string" && { code }),
      ...(typeof path === "string" && { path }),
      ...(typeof thrown.stack === "string" && { stack: thrown.stack }),
    }
  } catch {
    return { name: "Error", message }
  }
}

/** The error that it was in the other process, as far as anyone may rely on it: `name`, `code`, `path`, the message. */
export function fromThrown({ name, message, code, path, stack }: Thrown): Error {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
  const error = kind ? new kind(message, { code, path }) : new Error(message)
  if (!kind) {
    error.name = name
    if (code !== undefined) Object.assign(error, { code })
  }
  if (stack !== undefined) error.stack = stack
  return error
}
