import { PagodaError } from "../errors.ts"
import { isInRange } from "./versions.ts"

/** What ordering needs to know of a plugin. */
export type Dependent = { id: string; version: string; dependencies: Record<string, string> }

export type Order = {
  /** Every plugin after those that it needs. */
  ordered: string[]
  /** Why the others cannot be active: each names the whole chain down to the cause. */
  refused: Map<string, PagodaError>
}

/** `isMissing` says why a plugin that is not among these is not there: not locked, disabled, failed. */
export function orderPlugins(plugins: Iterable<Dependent>, isMissing: (id: string) => string): Order {
  const known = new Map([...plugins].map((plugin) => [plugin.id, plugin]))
  const ordered = new Set<string>()
  /** Refused plugin → what it needs, down to the cause. */
  const chains = new Map<string, string[]>()

  const visit = (id: string, path: string[]): string[] | undefined => {
    const plugin = known.get(id)
    if (!plugin) return [`"${id}", which ${isMissing(id)}`]
    if (path.includes(id)) return [`"${id}", which closes a circle`]
    if (!ordered.has(id) && !chains.has(id)) {
      const broken = firstBroken(plugin, [...path, id])
      if (broken) chains.set(id, broken)
      else ordered.add(id)
    }
    const chain = chains.get(id)
    return chain && [`"${id}"`, ...chain]
  }
  const firstBroken = (plugin: Dependent, path: string[]): string[] | undefined => {
    for (const [other, range] of Object.entries(plugin.dependencies)) {
      const chain = visit(other, path) ?? misfit(known.get(other), range)
      if (chain) return chain
    }
    return undefined
  }

  for (const id of known.keys()) visit(id, [])
  return { ordered: [...ordered], refused: new Map([...chains].map(([id, chain]) => [id, toError(id, chain)])) }
}

function misfit(plugin: Dependent | undefined, range: string): string[] | undefined {
  if (!plugin || isInRange(plugin.version, range)) return undefined
  return [`"${plugin.id}" as "${range}", which is ${plugin.version}`]
}

function toError(id: string, chain: string[]): PagodaError {
  const message = `Cannot load plugin "${id}": it needs ${chain.join(", which needs ")}`
  return new PagodaError("DEPENDENCY_FAILED", message, { plugin: id })
}
