import type { ReportRepair } from "../database/repair.ts"
import type { Reading } from "./values.ts"

/** Tells what of a plugin's settings an administrator has to look at, and takes back what is mended. */
export async function reportReading(id: string, reading: Reading, repairs: ReportRepair): Promise<void> {
  const mend = `PATCH /api/v2/admin/plugins/${id}/settings with a value, or null for the default`
  const cases = [
    ["SETTING_UNREADABLE", reading.unreadable, "cannot be decrypted with this secret key: it runs with the default"],
    ["SETTING_UNFIT", reading.unfit, "has a stored value that its schema does not take: it runs with the default"],
    ["SETTING_MISSING", reading.missing, "has to be set, and has no default: it runs without"],
  ] as const
  for (const [code, keys, problem] of cases) {
    if (keys.length === 0) await repairs.resolve({ plugin: id, code })
    else {
      const message = keys.map((key) => `Setting "${key}" of plugin "${id}" ${problem}`).join("; ")
      await repairs.report({ plugin: id, code, severity: "warning", message, mend })
    }
  }
}
