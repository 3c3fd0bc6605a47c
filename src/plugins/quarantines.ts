import { type Installed, isQuarantined, type Quarantine } from "./installed.ts"
import type { LoadingMarks } from "./loading-marks.ts"
import type { LockedPlugin, Lockfile } from "./lockfile.ts"
import type { PluginFailure } from "./record.ts"

/** Which plugins are not run because they failed too often; `plugin enable` or another version tries again. */
export type Quarantines = {
  add(id: string, locked: LockedPlugin, step: string, problem: string): Promise<void>
  /** Those of the lockfile that are not to run, with why. */
  find(plugins: Lockfile["plugins"], stored: ReadonlyMap<string, Quarantine>): Promise<Map<string, PluginFailure>>
  /** Forgets what only this process knows of. */
  lift(ids: Iterable<string> | "all"): void
}

/** So many times in a row a plugin may end the process while it is loaded. */
const mostCrashes = 3

export type QuarantinesOptions = {
  installed: Installed
  marks: LoadingMarks
  /** The code is what is on the disk. */
  isUnverified?: boolean | undefined
}

export function createQuarantines({ installed, marks, isUnverified = false }: QuarantinesOptions): Quarantines {
  /** Of code that is not verified: only until the next change. */
  const unverified = new Map<string, Quarantine>()

  const add: Quarantines["add"] = async (id, { version = "", integrity }, step, problem) => {
    const message = `Plugin "${id}" is quarantined: ${problem}; "pagoda plugin enable ${id}" tries it again`
    const quarantine = { version, integrity: integrity ?? "", step, message, at: new Date().toISOString() }
    if (isUnverified) unverified.set(id, quarantine)
    else await installed.quarantine(id, quarantine)
  }

  return {
    add,
    async find(plugins, stored) {
      const found = new Map<string, PluginFailure>()
      let known = stored
      for (const [id, locked] of Object.entries(plugins)) {
        if (marks.crashes(id, locked) >= mostCrashes) {
          marks.end([id])
          await add(id, locked, "import", `it ended the process ${mostCrashes} times in a row while it was loaded`)
          known = (await installed.read()).quarantines
        }
        const quarantine = unverified.get(id) ?? known.get(id)
        if (!quarantine || !(unverified.has(id) || isQuarantined(quarantine, locked))) continue
        const { step, message, at } = quarantine
        found.set(id, { step, code: "QUARANTINED", message, at })
      }
      return found
    },
    lift(ids) {
      if (ids === "all") unverified.clear()
      else for (const id of ids) unverified.delete(id)
    },
  }
}
