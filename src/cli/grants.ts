import { PagodaError } from "../errors.ts"
import { findWanted } from "../plugins/permission.ts"
import type { Call } from "./command.ts"

/** What `--grant` names. Before anything is fetched: a mistake would show when the plugin's code has run, or never. */
export function readGrants({ flags }: Call): string[] {
  const grants = (flags.grant ?? []) as string[]
  for (const grant of grants) {
    const wanted = findWanted(grant)
    if (wanted) throw new PagodaError("USAGE", `Cannot grant it to a plugin: --grant is "${grant}", wanted ${wanted}`)
  }
  return [...new Set(grants)]
}
