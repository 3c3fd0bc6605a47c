import { mkdirSync } from "node:fs"
import { PagodaError } from "./errors.ts"

/** Makes the data directory where it is missing, for this user alone. */
export function makeDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const reason = (cause as Error).message
    throw new PagodaError(
      "CONFIG_INVALID",
      `Cannot use the data directory "${folder}": ${reason}; choose another with --data-dir`,
      { cause },
    )
  }
}
