/** One waiting line for each key: whoever is at its head is worked on, and the next one when that has left. */
export type Lines<Item> = {
  /** `true`: nobody is before it. Otherwise it is given by `next` when it is its turn. */
  enter(item: Item): boolean
  leave(item: Item): void
  /** One whose turn has come; of several keys the one that has waited longest. */
  next(): Item | undefined
  readonly isReady: boolean
  waits(id: string): boolean
}

/** Items without a key have no line. Of one line those with a higher `priority` come first. */
export function createLines<Item extends { id: string; priority: number }>(
  toKey: (item: Item) => string | undefined,
): Lines<Item> {
  const lines = new Map<string, Item[]>()
  const waiting = new Set<string>()
  const ready: Item[] = []
  return {
    enter(item) {
      const key = toKey(item)
      if (key === undefined) return true
      const line = lines.get(key)
      if (!line) {
        lines.set(key, [])
        return true
      }
      waiting.add(item.id)
      const behind = line.findIndex(({ priority }) => priority < item.priority)
      line.splice(behind === -1 ? line.length : behind, 0, item)
      return false
    },
    leave(item) {
      const key = toKey(item)
      if (key === undefined) return
      const next = lines.get(key)?.shift()
      if (next) ready.push(next)
      else lines.delete(key)
    },
    next() {
      const item = ready.shift()
      if (item) waiting.delete(item.id)
      return item
    },
    get isReady() {
      return ready.length > 0
    },
    waits: (id) => waiting.has(id),
  }
}
