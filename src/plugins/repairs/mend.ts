import type { ErrorCode } from "../../errors.ts"
import type { PluginRecord } from "../record.ts"

type Failed = Pick<PluginRecord, "id" | "source" | "error">
type StateOf = (id: string) => Pick<PluginRecord, "state" | "reason"> | undefined

/** The command that mends a plugin which is not active, as it is to be typed. */
export function toMend({ id, source, error }: Failed, stateOf: StateOf): string {
  if (error?.code === "DEPENDENCY_FAILED") return toMendNeeded(id, error.message, stateOf)
  const known = error && mends[error.code]
  if (known) return known(id)
  if (error && /^SOURCE_|^OFFLINE$/.test(error.code))
    return `see that "${source}" can be reached, then run "pagoda plugin enable ${id}"`
  return `mend the plugin and run "pagoda plugin update ${id}"; "pagoda plugin enable ${id}" tries it again as it is`
}

/** Why one is disabled that no administrator disabled, and what lets it run. */
export function toMendDisabled(id: string, reason: string | undefined): string {
  const variable = /PAGODA_\w+/.exec(reason ?? "")?.[0]
  return variable ? `change ${variable} and start the host again` : `pagoda plugin enable ${id}`
}

export function toMendGrant(id: string): string {
  return `if you trust it with that, add it to "permissions" of "${id}" in plugins.lock.json, then run "pagoda plugin sync"`
}

const mends: { [Code in ErrorCode]?: (id: string) => string } = {
  INTEGRITY_MISSING: () => 'run "pagoda lock", then "pagoda plugin sync"',
  INTEGRITY_MISMATCH: (id) =>
    `put back what the lockfile says and run "pagoda plugin enable ${id}", or run "pagoda plugin update ${id}" if you mean to take the new one`,
  STORE_DAMAGED: (id) => `run "pagoda plugin update ${id}", then "pagoda plugin enable ${id}"`,
  PERMISSION_MISSING: toMendGrant,
  IMPORT_FORBIDDEN: toMendGrant,
  PLUGIN_INCOMPATIBLE: (id) =>
    `run "pagoda plugin update ${id}" for a version that fits this host, or take the version of Pagoda that it asks for`,
  DATABASE_UNUSABLE: (id) =>
    `restore the file, or make it one that can be written, then run "pagoda plugin enable ${id}"; "pagoda plugin remove ${id} --purge" deletes it`,
  DATABASE_FORBIDDEN: (id) => `grant what the error says, then run "pagoda plugin enable ${id}"`,
  QUARANTINED: (id) => `pagoda plugin enable ${id}`,
  NOT_YET: (id) => `set "isolation" of "${id}" to "in-process" in plugins.lock.json, then run "pagoda plugin sync"`,
}

/** The chain of what needs what ends at the cause. */
function toMendNeeded(id: string, message: string, stateOf: StateOf): string {
  const needed = [...message.matchAll(/needs? "([^"]+)"/g)].at(-1)?.[1]
  const found = needed === undefined ? undefined : stateOf(needed)
  if (found?.state === "disabled") return `${toMendDisabled(needed as string, found.reason)}`
  if (found?.state === "quarantined") return `pagoda plugin enable ${needed}`
  if (found?.state === "failed") return `mend plugin "${needed}" first: its own entry says how`
  if (found) return `bring "${needed}" to the version that is wanted with "pagoda plugin update ${needed}"`
  if (needed !== undefined) return `add plugin "${needed}" with "pagoda plugin add <source>"`
  return `mend what it needs, then run "pagoda plugin enable ${id}"`
}
