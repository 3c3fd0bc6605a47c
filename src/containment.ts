import { PluginSecurityError } from "@pagoda/sdk"
import type { Log } from "./log.ts"
import type { Undo } from "./undo.ts"

/**
 * Keeps what foreign code does late from ending the process: an exception in a timer, a rejection nobody awaits, a call of
 * `process.exit`. None of them belongs to a request or a job any more: the log tells it, and `onFailure` is told of a plugin's.
 * Nothing can be added to `Object.prototype` from then on, for as long as the process lives.
 */
export function containForeignCode(
  log: Log,
  attribute: (error: unknown) => string | undefined,
  onFailure: (plugin: string, error: unknown) => void = () => {},
): Undo {
  const onLate = (what: string) => (error: unknown) => {
    const plugin = attribute(error)
    if (plugin !== undefined) onFailure(plugin, error)
    log.error(`${plugin ? `Plugin "${plugin}"` : "Pagoda"} left an ${what}`, { plugin, error })
  }
  const onException = onLate("uncaught exception")
  const onRejection = onLate("unhandled rejection")
  const { exit } = process
  process.on("uncaughtException", onException)
  process.on("unhandledRejection", onRejection)
  // what is added there would be a member of every object of the host; to freeze it would break code that is written well
  Object.preventExtensions(Object.prototype)
  process.exit = () => {
    throw new PluginSecurityError("process.exit is refused: only the host ends its process")
  }
  return () => {
    process.off("uncaughtException", onException)
    process.off("unhandledRejection", onRejection)
    process.exit = exit
  }
}
