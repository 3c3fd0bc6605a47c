import { type Definition, toDependent } from "./dependents.ts"
import { orderPlugins } from "./order.ts"

type Definitions = ReadonlyMap<string, Definition>

export type StartOrder = {
  readonly running: Definitions
  /** What is to run, or to take the place of what runs. */
  readonly fresh: Definitions
  /** Why a plugin that is not among these is not there. */
  whyMissing(id: string): string
  /** `false`: it failed. */
  start(id: string): Promise<boolean>
  /** It lacks what it needs. */
  refuse(id: string, why: Error | undefined): void
}

/**
 * Starts each after what it needs, and gives the ids of those that were started. One that fails or is refused is for the
 * others what it was before: an older version, or nothing.
 */
export async function startInOrder({ running, fresh, whyMissing, start, refuse }: StartOrder): Promise<Set<string>> {
  const started = new Set<string>()
  const waiting = new Set(fresh.keys())
  const all = new Map([...running, ...fresh])
  const fallBack = (id: string) => {
    const older = running.get(id)
    if (older) all.set(id, older)
    else all.delete(id)
  }
  /** The first one that failed. */
  const startUntilFailure = async (ids: string[]) => {
    for (const id of ids) {
      waiting.delete(id)
      if (!(await start(id))) return id
      started.add(id)
    }
  }

  while (waiting.size > 0) {
    const { ordered, refused } = orderPlugins([...all.values()].map(toDependent), whyMissing)
    const failed = await startUntilFailure(ordered.filter((id) => waiting.has(id)))
    if (failed !== undefined) {
      fallBack(failed)
      continue
    }
    const updates = [...waiting].filter((id) => running.has(id))
    for (const id of updates.length > 0 ? updates : [...waiting]) {
      waiting.delete(id)
      refuse(id, refused.get(id))
      fallBack(id)
    }
  }
  return started
}
