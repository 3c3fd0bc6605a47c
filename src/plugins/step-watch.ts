import type { ReportRepair } from "./database/repair.ts"

type Version = { readonly id: string; readonly version: string }

/** Looks whether what runs here is what another host recorded last; gives a function that tells. */
export function createStepWatch(repairs: ReportRepair) {
  const reported = new Set<string>()
  return (running: readonly Version[], stored: ReadonlyMap<string, string>): void => {
    for (const { id, version } of running) {
      const other = stored.get(id)
      const repair = { plugin: id, code: "LOCKFILE_OUT_OF_STEP" }
      if (other === undefined || other === version) {
        reported.delete(id)
        // also what an earlier process reported
        repairs.resolve(repair)
        continue
      }
      if (reported.has(id)) continue
      reported.add(id)
      const message = `Lockfile and database are out of step: this host runs plugin "${id}" in version ${version}, another one recorded ${other}`
      repairs.report({
        ...repair,
        severity: "warning",
        message,
        mend: `bring the same plugins.lock.json to every host, then run "pagoda plugin sync"`,
      })
    }
  }
}
