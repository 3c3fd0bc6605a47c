import type { Dependent, Order } from "./order.ts"
import { orderPlugins } from "./order.ts"
import type { RunningPlugin } from "./running.ts"

export type Definition = Partial<Dependent> & Omit<Dependent, "dependencies">

/** What is to be known of a plugin to order it. */
export function toDependent({ id, version, dependencies = {} }: Definition): Dependent {
  return { id, version, dependencies }
}

/**
 * Those that run, each after what it needs; and those whose needs are not met any more. What `isSpared` needs no longer
 * counts.
 */
export function orderRunning(
  running: Iterable<RunningPlugin>,
  isMissing: (id: string) => string,
  isSpared: (id: string) => boolean = () => false,
): Order {
  const dependents = [...running].map(({ loaded: { definition } }) =>
    toDependent(isSpared(definition.id) ? { ...definition, dependencies: {} } : definition),
  )
  return orderPlugins(dependents, isMissing)
}

/** Every plugin that needs this one, directly or through another; nearest first. */
export function findDependents(id: string, dependencies: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set([id])
  for (const needed of found) {
    for (const [other, needs] of dependencies) if (needs.includes(needed)) found.add(other)
  }
  found.delete(id)
  return [...found]
}
