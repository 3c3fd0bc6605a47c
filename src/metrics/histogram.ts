/** How often something took how long. To add to it costs a few nanoseconds. */
export class Histogram {
  /** Seconds, ascending. */
  readonly bounds: readonly number[]
  /** How many were within each bound but above the one before; the last of them were above all. */
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Array(bounds.length + 1).fill(0)
  }

  observe(seconds: number): void {
    const { bounds, counts } = this
    let at = 0
    while (at < bounds.length && seconds > (bounds[at] as number)) at++
    counts[at] = (counts[at] as number) + 1
    this.sum += seconds
  }

  /** @param other with the same bounds */
  merge(other: Histogram): void {
    for (const [at, count] of other.counts.entries()) this.counts[at] = (this.counts[at] as number) + count
    this.sum += other.sum
  }
}
