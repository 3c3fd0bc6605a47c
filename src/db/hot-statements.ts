const hotUses = 3
const hotLimit = 500
const seenLimit = 5_000

/**
 * Says which statements come again and again: a server that keeps them prepared neither parses nor describes them each
 * time. Some come with a text of their own each time, and a prepared one stays for as long as its connection.
 */
export function createHotStatements(): (text: string) => boolean {
  const hot = new Set<string>()
  const seen = new Map<string, number>()
  return (text) => {
    if (hot.has(text)) return true
    if (hot.size >= hotLimit) return false
    const uses = (seen.get(text) ?? 0) + 1
    if (uses >= hotUses) {
      seen.delete(text)
      hot.add(text)
      return true
    }
    if (seen.size >= seenLimit) seen.clear()
    seen.set(text, uses)
    return false
  }
}
