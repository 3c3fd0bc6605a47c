const longest = 40

/** ` (did you mean "x"?)` where one of the known words is close to what was written, else nothing. */
export function suggest(word: string, known: Iterable<string>): string {
  if (word.length > longest) return ""
  let best: string | undefined
  let least = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = countEdits(word.toLowerCase(), candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best === undefined ? "" : ` (did you mean "${best}"?)`
}

/** Letters to insert, drop, change or swap with the next to make one word of the other. */
function countEdits(from: string, to: string): number {
  const counted = new Map<number, number>()
  const count = (a: number, b: number): number => {
    if (a === 0 || b === 0) return a + b
    const key = a * 1000 + b
    const known = counted.get(key)
    if (known !== undefined) return known
    const change = count(a - 1, b - 1) + (from[a - 1] === to[b - 1] ? 0 : 1)
    const swapped = a > 1 && b > 1 && from[a - 1] === to[b - 2] && from[a - 2] === to[b - 1]
    const swap = swapped ? count(a - 2, b - 2) + 1 : change
    const least = Math.min(count(a - 1, b) + 1, count(a, b - 1) + 1, change, swap)
    counted.set(key, least)
    return least
  }
  return count(from.length, to.length)
}
