/** `beside`: what the ratio is to; the bare side where it is left out. */
export type Row = { what: string; value: string; ratio?: number; beside?: string; target: string; isMet: boolean }

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function atMost(what: string, value: string, ratio: number, limit: number): Row {
  return { what, value, ratio, target: `≤ ${limit} ×`, isMet: ratio <= limit }
}

export function atLeast(what: string, value: string, ratio: number, limit: number): Row {
  return { what, value, ratio, target: `≥ ${limit} ×`, isMet: ratio >= limit }
}

/** Prints what was measured beside what was wanted. Nothing fails here: a machine that is busy proves nothing. */
export function printReport(rows: Row[]): void {
  const width = Math.max(...rows.map(({ what }) => what.length))
  for (const { what, value, ratio, beside = "bare", target, isMet } of rows) {
    const measured = ratio === undefined ? value : `${ratio.toFixed(2)} × ${beside} (${value})`
    console.log(`${isMet ? "✓" : "✗"} ${what.padEnd(width)}  ${measured.padEnd(44)}  wanted ${target}`)
  }
}
