import type { Repair } from "../database/repair.ts"

/** Open while the data of a plugin is being deleted: it goes with the last of that. */
export const purgeUnfinished = "PURGE_UNFINISHED"

export function toUnfinishedPurge(plugin: string): Repair {
  return {
    plugin,
    code: purgeUnfinished,
    severity: "error",
    message: `The data of plugin "${plugin}" was not deleted to its end: some of it is gone, some may still be there`,
    mend: `pagoda plugin remove ${plugin} --purge`,
  }
}
