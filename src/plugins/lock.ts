import type { FetchedSource } from "./fetch.ts"
import type { Isolation, LockedPlugin } from "./lockfile.ts"
import { toSourceText } from "./source.ts"

export type LockChoices = { version?: string; permissions?: string[]; isolation?: Isolation; required?: boolean }

/** The lockfile's entry for what was fetched: its hashes, and what the operator chose. */
export function toLocked(fetched: FetchedSource, choices: LockChoices = {}): LockedPlugin {
  const { packages, layout, modules } = fetched
  return {
    source: toSourceText(fetched.source),
    version: choices.version,
    integrity: fetched.integrity,
    dependencies: Object.fromEntries([...packages].map(([name, { integrity }]) => [name, integrity])),
    ...(Object.keys(layout).length > 0 && { layout: { ...layout } }),
    ...(modules.size > 0 && { modules: Object.fromEntries(modules) }),
    permissions: choices.permissions ?? [],
    isolation: choices.isolation ?? "in-process",
    required: choices.required ?? false,
  }
}
