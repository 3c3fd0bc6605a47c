import type { Config } from "../../config.ts"
import { systemUser } from "../../core/access.ts"
import type { Database } from "../../db/database.ts"
import type { Log } from "../../log.ts"
import type { PluginRecord } from "../../plugins/record.ts"
import { createRepairs, type RepairRecord } from "../../plugins/repairs.ts"
import { askHost } from "../running-host.ts"
import { type Finding, fine, wrong } from "./finding.ts"

export type Diagnosis = { plugins: PluginRecord[]; repairs: RepairRecord[] }

/** What the host on this data directory says of itself; nothing where none runs. */
export function askDiagnosis(config: Config): Promise<Diagnosis | undefined> {
  return askHost(config, "diagnose")
}

/** What the hosts of this database have written down. */
export async function readRepairs(database: Database, log: Log): Promise<RepairRecord[]> {
  return (await createRepairs({ database, log }).list(systemUser, { limit: 1000, offset: 0 })).results
}

export function describeHost(diagnosis: Diagnosis | undefined): Finding {
  if (!diagnosis) return fine("host", "none runs on this data directory")
  const counts = Map.groupBy(diagnosis.plugins, ({ state }) => state)
  const states = [...counts].map(([state, own]) => `${own.length} ${state}`).join(", ")
  return fine("host", `it runs; plugins: ${states || "none"}`)
}

/** What is only to be known is no trouble. */
export function describeRepairs(repairs: readonly RepairRecord[]): Finding[] {
  if (repairs.length === 0) return [fine("repairs", "nothing needs an administrator")]
  return repairs.map(({ plugin, code, severity, message, mend, since }) => {
    const name = plugin === null ? code : `${code} ${plugin}`
    const text = `${message} (since ${since})`
    return severity === "info" ? { ...fine(name, text), mend } : wrong(name, text, mend)
  })
}
